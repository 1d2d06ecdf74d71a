// Walks an instance that is not linked yet through the vendor's first client for
// JavaScript, and shows what it sees. Whoever starts it scans the code that `qr` shows,
// and writes a text when `sendFileByUpload` has been shown.
import { CHAT, CONTACT, patiently, refused, show } from './walk.mjs'
import whatsAppClient from '@green-api/whatsapp-api-client'
import FormData from 'form-data'

const restAPI = whatsAppClient.restAPI({
  host: process.env.API_URL, // http://127.0.0.1:8080
  media: process.env.API_URL, // where files go: the same
  idInstance: process.env.ID_INSTANCE, // text, not a number
  apiTokenInstance: process.env.API_TOKEN_INSTANCE,
})

show('notLinked', await restAPI.instance.getStateInstance())
show('setSettings', await restAPI.settings.setSettings({
  stateWebhook: 'yes', incomingWebhook: 'yes', outgoingWebhook: 'yes', outgoingAPIMessageWebhook: 'yes',
}))
show('qr', await restAPI.instance.qr())
for (let state = ''; state !== 'authorized';) {
  const note = await restAPI.webhookService.receiveNotification()
  if (!note) continue
  state = note.body.stateInstance
  show('notification', note.body)
  show('deleteNotification', await restAPI.webhookService.deleteNotification(note.receiptId))
  show('deletedTwice', await restAPI.webhookService.deleteNotification(note.receiptId))
}

show('getStateInstance', await patiently(() => restAPI.instance.getStateInstance()))
show('linked', await restAPI.instance.qr())
show('getSettings', await restAPI.settings.getSettings())
show('getWaSettings', await restAPI.settings.getWaSettings())
show('getDeviceInfo', await restAPI.instance.getDeviceInfo())
show('getAvatar', await restAPI.instance.getAvatar(CHAT))
show('avatarByNumber', await restAPI.instance.getAvatar(null, CONTACT))

show('sendMessage', await restAPI.message.sendMessage(CHAT, null, 'Your parcel is at the desk.'))
show('textByNumber', await restAPI.message.sendMessage(null, CONTACT, 'It is a heavy one.'))

const form = new FormData()
form.append('chatId', CHAT)
form.append('caption', 'The invoice.')
form.append('file', Buffer.from('%PDF-1.7 of a kind'), 'invoice.pdf')
show('sendFileByUpload', await restAPI.file.sendFileByUpload(form))

// From here on the client fetches by itself, and deletes what it has told.
await restAPI.webhookService.startReceivingNotifications()
restAPI.webhookService.onReceivingOutboundMessageStatus((body) => show('outgoingMessageStatus', body))
const text = await new Promise((resolve) => restAPI.webhookService.onReceivingMessageText(resolve))
show('incomingMessageReceived', text)
await restAPI.webhookService.stopReceivingNotifications() // once the queue is empty

await refused('wrongToken', () => whatsAppClient.restAPI({
  host: process.env.API_URL, idInstance: process.env.ID_INSTANCE, apiTokenInstance: 'x'.repeat(50),
}).instance.getStateInstance())
await refused('wrongID', () => whatsAppClient.restAPI({
  host: process.env.API_URL, idInstance: '1', apiTokenInstance: process.env.API_TOKEN_INSTANCE,
}).instance.getStateInstance())
await refused('noText', () => restAPI.message.sendMessage('nobody', null, 'x'))
await refused('unknownMethod', () => restAPI.instance.getChats())

show('reboot', await restAPI.instance.reboot())
show('logout', await restAPI.instance.logout())
show('loggedOut', await patiently(() => restAPI.instance.getStateInstance()))
