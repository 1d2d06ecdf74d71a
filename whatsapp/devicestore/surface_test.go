package devicestore_test

import (
	"reflect"
	"testing"

	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

var _ store.DeviceContainer = (*devicestore.Container)(nil)

// A library upgrade that adds a method, a store or a field of the device must not
// go unnoticed: the method needs an implementation that keeps the promises of
// this package, the field a place in record.Session.
func TestWhatsmeowHasNotGrown(t *testing.T) {
	methods := reflect.TypeFor[store.AllStores]().NumMethod() + reflect.TypeFor[store.DeviceContainer]().NumMethod()
	equal(t, "methods", methods, 57)
	equal(t, "session-specific stores", reflect.TypeFor[store.AllSessionSpecificStores]().NumMethod(), 50)

	_, d, _ := paired(t)
	var stores, others int
	for i, v := 0, reflect.ValueOf(*d); i < v.NumField(); i++ {
		field := v.Type().Field(i)
		switch {
		case field.Type.Kind() != reflect.Interface || field.Name == "Log":
			others++
		case v.Field(i).IsNil():
			t.Errorf("Device.%s is nil after PutDevice", field.Name)
		default:
			stores++
		}
	}
	equal(t, "stores of a device", stores, 13)
	equal(t, "other fields of a device", others, 15)
}
