package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// newOld is the vendor's first client, by its request for any operation.
func newOld(s settings) (caller, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	client, err := sdk.NewClientWithAccessKey("cn-hangzhou", s.Key, s.Secret) // any region will do
	if err != nil {
		return nil, err
	}
	return func(action string, parameters map[string]string) (map[string]any, error) {
		request := requests.NewCommonRequest()
		request.Method = http.MethodPost
		request.Scheme = u.Scheme
		request.Domain = u.Host
		request.Version = "2020-06-06"
		request.ApiName = action
		for name, value := range parameters {
			request.FormParams[name] = value
		}
		response, err := client.ProcessCommonRequest(request)
		var refused *sdkerrors.ServerError
		if errors.As(err, &refused) {
			return nil, &refusal{refused.HttpStatus(), refused.ErrorCode()}
		}
		if err != nil {
			return nil, err
		}
		var body map[string]any
		err = json.Unmarshal(response.GetHttpContentBytes(), &body)
		return body, err
	}, nil
}
