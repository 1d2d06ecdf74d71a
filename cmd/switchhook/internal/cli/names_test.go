package cli_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

func TestNames(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{{"instance name shop Anna", 1, "", "shop: not connected"}})
	r.pair(t)
	r.play(t, []line{
		{"instance name shop Anna", 0, `the account of shop is called "Anna"`, ""},
		{"instance name shop Anna --json", 0, `"push_name": "Anna"`, ""},
		{"instance show shop", 0, "Anna", ""},
		{"instance about shop open", 0, `the account of shop says about itself "open"`, ""},
		{"instance about shop open --json", 0, `"name": "shop"`, ""},
		{"sandbox profile " + apitest.Phone, 0, "open", ""},
		{"instance about shop --none", 0, "the account of shop says nothing about itself", ""},
		{"sandbox profile " + apitest.Phone, 0, "about            none", ""},
		{"instance about shop", 2, "", "TEXT is missing, or --none"},
		{"instance about shop open --none", 2, "", "leave TEXT out"},
		{"instance about shop open", 0, "open", ""},
		{"sandbox profile " + apitest.Phone + " --json", 0, `"about": "open"`, ""},
		{"sandbox name " + apitest.Phone + " Other", 0, "Other", ""},
		{"sandbox behave " + apitest.Phone + " --profiles refused", 0, "takes messages so", ""},
		{"instance name shop", 2, "", "TEXT is missing"},
		{"instance about", 2, "", "NAME"},
		{"instance name shop a b", 2, "", "one argument too many"},
		{"instance name nobody Anna", 1, "", "no such instance"},
		{"sandbox profile 15559999999", 1, "", "no such phone"},
	})
	r.Fail(&instance.ProfileError{Err: errors.New("no answer in time")})
	r.play(t, []line{{"instance name shop Anna", 1, "", "it may have been made; make it again"}})
}
