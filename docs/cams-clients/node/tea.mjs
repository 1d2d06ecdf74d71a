import cams, * as requests from '@alicloud/cams20200606'
import { Config } from '@alicloud/openapi-client'

// tea is the vendor's client of today. Without an algorithm it signs as V3
// (ACS3-HMAC-SHA256), with 'v2' as V1 (HMAC-SHA1).
export function tea(address, accessKeyId, accessKeySecret, signatureAlgorithm) {
  const url = new URL(address)
  const client = new cams.default(new Config({
    accessKeyId,
    accessKeySecret,
    endpoint: url.host, // 127.0.0.1:8080: no scheme, no path
    protocol: url.protocol.slice(0, -1).toUpperCase(), // HTTP
    signatureAlgorithm,
  }))
  const calls = {
    CreatePhoneMessageQrdl: (p) => client.createPhoneMessageQrdl(new requests.CreatePhoneMessageQrdlRequest({
      phoneNumber: p.PhoneNumber, generateQrImage: p.GenerateQrImage, prefilledMessage: p.PrefilledMessage,
    })),
    UpdatePhoneMessageQrdl: (p) => client.updatePhoneMessageQrdl(new requests.UpdatePhoneMessageQrdlRequest({
      phoneNumber: p.PhoneNumber, qrdlCode: p.QrdlCode, generateQrImage: p.GenerateQrImage, prefilledMessage: p.PrefilledMessage,
    })),
    ListPhoneMessageQrdl: (p) => client.listPhoneMessageQrdl(new requests.ListPhoneMessageQrdlRequest({
      phoneNumber: p.PhoneNumber,
    })),
    DeletePhoneMessageQrdl: (p) => client.deletePhoneMessageQrdl(new requests.DeletePhoneMessageQrdlRequest({
      phoneNumber: p.PhoneNumber, qrdlCode: p.QrdlCode,
    })),
  }
  return async (action, parameters) => (await calls[action](parameters)).body.toMap()
}
