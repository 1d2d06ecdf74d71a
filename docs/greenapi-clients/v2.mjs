// Walks an instance that is not linked yet through the vendor's second client for
// JavaScript, and shows what it sees. Whoever starts it scans the code that `qr` shows,
// and writes a text when `sendFileByUpload` has been shown. PICTURE is a JPEG.
import { CHAT, patiently, refused, show } from './walk.mjs'
import { readFile } from 'node:fs/promises'
import { GreenApiClient } from '@green-api/whatsapp-api-client-js-v2'

const client = new GreenApiClient({
  idInstance: Number(process.env.ID_INSTANCE),
  apiTokenInstance: process.env.API_TOKEN_INSTANCE,
})
// Only a client that was made can be pointed elsewhere.
client.client.defaults.baseURL = `${process.env.API_URL}/waInstance${process.env.ID_INSTANCE}`

show('notLinked', await client.getStateInstance())
show('setSettings', await client.setSettings({
  stateWebhook: 'yes', incomingWebhook: 'yes', outgoingWebhook: 'yes', outgoingAPIMessageWebhook: 'yes',
}))
show('qr', await client.getQR())
for (let state = ''; state !== 'authorized';) {
  const note = await client.receiveNotification(20)
  if (!note) continue
  state = note.body.stateInstance
  show('notification', note.body)
  show('deleteNotification', await client.deleteNotification(note.receiptId))
  show('deletedTwice', await client.deleteNotification(note.receiptId))
}

show('getStateInstance', await patiently(() => client.getStateInstance()))
show('linked', await client.getQR())
show('getSettings', await client.getSettings())
show('getAvatar', await client.getAvatar({ chatId: CHAT }))

show('notAPicture', await client.setProfilePicture(new Blob(['not a JPEG'])))
const picture = new Blob([await readFile(process.env.PICTURE)])
show('setProfilePicture', await client.setProfilePicture(picture))
await refused('tooSoon', () => client.setProfilePicture(picture))
show('getWaSettings', await client.getWaSettings())

show('sendMessage', await client.sendMessage({ chatId: CHAT, message: 'Your parcel is at the desk.' }))
show('sendFileByUpload', await client.sendFileByUpload({
  chatId: CHAT,
  file: { data: new Blob(['%PDF-1.7 of a kind']), fileName: 'invoice.pdf' },
  caption: 'The invoice.',
}))

for (let note, written = false; (note = await client.receiveNotification(5)) || !written;) {
  if (!note) continue // nothing came in five seconds
  written ||= note.body.typeWebhook === 'incomingMessageReceived'
  show(note.body.typeWebhook, note.body)
  await client.deleteNotification(note.receiptId)
}

const stranger = new GreenApiClient({ idInstance: Number(process.env.ID_INSTANCE), apiTokenInstance: 'x'.repeat(50) })
stranger.client.defaults.baseURL = client.client.defaults.baseURL
await refused('wrongToken', () => stranger.getStateInstance())
client.client.defaults.baseURL = `${process.env.API_URL}/waInstance1`
await refused('wrongID', () => client.getStateInstance())
client.client.defaults.baseURL = stranger.client.defaults.baseURL
await refused('noText', () => client.sendMessage({ chatId: 'nobody', message: 'x' }))
await refused('unknownMethod', () => client.getContacts())

show('reboot', await client.reboot())
show('logout', await client.logout())
show('loggedOut', await patiently(() => client.getStateInstance()))
