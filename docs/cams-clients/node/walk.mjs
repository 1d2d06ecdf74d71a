// Takes a message QR code through its life with each of Alibaba Cloud's clients for
// JavaScript, and prints what it sees as one line of JSON for each step. The environment
// says where and as whom; MESSAGE is what the chat begins with.
import { tea } from './tea.mjs'
import { pop } from './pop.mjs'

const { CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, PHONE_NUMBER, MESSAGE } = process.env
if (!CAMS_URL || !ALIBABA_CLOUD_ACCESS_KEY_ID || !ALIBABA_CLOUD_ACCESS_KEY_SECRET || !PHONE_NUMBER || !MESSAGE) {
  console.error('set CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, PHONE_NUMBER and MESSAGE')
  process.exit(2)
}

const clients = {
  v3: (secret) => tea(CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, secret),
  v1: (secret) => tea(CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, secret, 'v2'),
  popGet: (secret) => pop(CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, secret, 'GET'),
  popPost: (secret) => pop(CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, secret, 'POST'),
}

for (const [name, client] of Object.entries(clients)) {
  const show = (step, what) => console.log(`show ${JSON.stringify({ step: `${name}.${step}`, what })}`)
  const call = client(ALIBABA_CLOUD_ACCESS_KEY_SECRET)
  const PhoneNumber = PHONE_NUMBER

  const created = await patiently(() => call('CreatePhoneMessageQrdl', { PhoneNumber, GenerateQrImage: 'PNG', PrefilledMessage: MESSAGE }))
  const { QrdlCode, DeepLinkUrl, QrImageUrl } = created.Data
  show('create', created)
  show('opened', await open(DeepLinkUrl))
  show('image', await open(QrImageUrl))
  show('list', await patiently(() => call('ListPhoneMessageQrdl', { PhoneNumber })))
  const updated = await patiently(() => call('UpdatePhoneMessageQrdl', {
    PhoneNumber, QrdlCode, GenerateQrImage: 'SVG', PrefilledMessage: MESSAGE + '!',
  }))
  show('update', updated)
  show('former', await open(DeepLinkUrl))
  show('updated', await open(updated.Data.DeepLinkUrl))
  show('delete', await patiently(() => call('DeletePhoneMessageQrdl', { PhoneNumber, QrdlCode })))
  show('gone', await open(updated.Data.DeepLinkUrl))
  show('deletedTwice', await refused(() => call('DeletePhoneMessageQrdl', { PhoneNumber, QrdlCode })))
  const stranger = client(ALIBABA_CLOUD_ACCESS_KEY_SECRET + 'x')
  show('wrongSecret', await refused(() => stranger('ListPhoneMessageQrdl', { PhoneNumber })))
}

// open is what a phone gets that opens an address.
async function open(address) {
  const response = await fetch(address, { redirect: 'manual' })
  await response.arrayBuffer()
  return { status: response.status, location: response.headers.get('location'), type: response.headers.get('content-type') }
}

// patiently comes again as long as call is told that it came too often: five calls of an
// operation a second are allowed.
async function patiently(call) {
  for (;;) {
    try {
      return await call()
    } catch (err) {
      if (err.code !== 'Throttling.User') throw err
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}

// refused is what a call failed with, which should fail.
async function refused(call) {
  try {
    return { answered: await patiently(call) }
  } catch (err) {
    return { status: err.data?.statusCode ?? err.entry?.response.statusCode, code: err.code }
  }
}
