package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/darabonba-openapi/v2/models"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

// newTea is the client of today, which all of the vendor's generated ones are made of. An
// empty algorithm is V3, "v2" what the vendor's documentation calls signature V1.
func newTea(s settings, algorithm string) (caller, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	config := &openapi.Config{
		AccessKeyId:     dara.String(s.Key),
		AccessKeySecret: dara.String(s.Secret),
		Endpoint:        dara.String(u.Host), // 127.0.0.1:8080: no scheme, no path
		Protocol:        dara.String(strings.ToUpper(u.Scheme)),
	}
	if algorithm != "" {
		config.SignatureAlgorithm = dara.String(algorithm)
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	return func(action string, parameters map[string]string) (map[string]any, error) {
		result, err := client.CallApi(&models.Params{
			Action:      dara.String(action),
			Version:     dara.String("2020-06-06"),
			Protocol:    config.Protocol,
			Pathname:    dara.String("/"),
			Method:      dara.String("POST"),
			AuthType:    dara.String("AK"),
			Style:       dara.String("RPC"),
			ReqBodyType: dara.String("formData"),
			BodyType:    dara.String("json"),
		}, &models.OpenApiRequest{Body: parameters}, &dara.RuntimeOptions{})
		var refused *tea.SDKError
		if errors.As(err, &refused) && tea.IntValue(refused.StatusCode) != 0 {
			return nil, &refusal{tea.IntValue(refused.StatusCode), tea.StringValue(refused.Code)}
		}
		if err != nil {
			return nil, err
		}
		body, ok := result["body"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the answer is %T", result["body"])
		}
		return body, nil
	}, nil
}
