import { RPCClient } from '@alicloud/pop-core'

// pop is the vendor's first client, which takes any operation. It signs as V1; a GET has
// all parameters in the address, a POST in the body.
export function pop(endpoint, accessKeyId, accessKeySecret, method) {
  const client = new RPCClient({
    endpoint, // http://127.0.0.1:8080: with its scheme
    apiVersion: '2020-06-06',
    accessKeyId,
    accessKeySecret,
  })
  return (action, parameters) => client.request(action, parameters, { method })
}
