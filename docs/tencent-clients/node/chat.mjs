import sigs from 'tls-sig-api-v2'

// chat calls commands with UserSigs that the vendor's library makes.
export function chat(address, sdkappid, secretKey, { identifier = 'administrator', sign = userSig, query = encoded } = {}) {
  const api = new sigs.Api(Number(sdkappid), secretKey)
  return async (command, body) => {
    const random = Math.floor(Math.random() * 2 ** 32)
    const url = `${address}/v4/${command}?` + query({ sdkappid, identifier, usersig: sign(api, identifier), random, contenttype: 'json' })
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    return response.json()
  }
}

// userSig is what calls are signed with; it is good for an hour.
export const userSig = (api, identifier) => api.genUserSig(identifier, 3600)

// privateMapKey has some bytes of another of the vendor's products in it, and is a UserSig
// as well.
export const privateMapKey = (api, identifier) => api.genPrivateMapKey(identifier, 3600, 10000, 255)

// encoded is a query as a URL's should be, plain one as the vendor's examples put it
// together.
export const encoded = (parameters) => new URLSearchParams(parameters).toString().replaceAll('*', '%2A')
export const plain = (parameters) => Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join('&')
