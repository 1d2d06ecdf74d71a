// Makes an account and gives it a profile, with UserSigs of Tencent's library for
// JavaScript, and prints what it sees as one line of JSON for each step. The environment
// says where and as whom.
import { chat, encoded, plain, privateMapKey } from './chat.mjs'

const { CHAT_URL, SDKAPPID, SECRET_KEY, ACCOUNT, NICK } = process.env
if (!CHAT_URL || !SDKAPPID || !SECRET_KEY || !ACCOUNT || !NICK) {
  console.error('set CHAT_URL, SDKAPPID and SECRET_KEY (as switchhook tenant add shows them), ACCOUNT and NICK')
  process.exit(2)
}

const ways = {
  encoded: { query: encoded },
  plain: { query: plain },
  userbuf: { sign: privateMapKey },
}
const [nick, signature, level] = ['Nick', 'SelfSignature', 'Level'].map((name) => `Tag_Profile_IM_${name}`)

for (const [name, way] of Object.entries(ways)) {
  const show = (step, what) => console.log(`show ${JSON.stringify({ step: `${name}.${step}`, what })}`)
  const call = chat(CHAT_URL, SDKAPPID, SECRET_KEY, way)
  const set = (account, ...items) => call('profile/portrait_set', {
    From_Account: account, ProfileItem: items.map(([Tag, Value]) => ({ Tag, Value })),
  })
  const get = (...TagList) => call('profile/portrait_get', { To_Account: [ACCOUNT], TagList })
  const refused = ({ ErrorCode }) => ({ code: ErrorCode })

  show('import', await call('im_open_login_svc/account_import', { UserID: ACCOUNT }))
  show('check', await call('im_open_login_svc/account_check', { CheckItem: [{ UserID: ACCOUNT }] }))
  show('set', await set(ACCOUNT, [nick, NICK], [signature, NICK + '!'], [level, 7]))
  show('get', await get(nick, signature, level))
  show('tooLong', refused(await set(ACCOUNT, [level, 8], [nick, 'x'.repeat(501)])))
  show('unchanged', await get(level))
  show('nobody', refused(await set(ACCOUNT + '-nobody', [level, 8])))

  const ask = { To_Account: [ACCOUNT], TagList: [nick] }
  show('wrongKey', refused(await chat(CHAT_URL, SDKAPPID, SECRET_KEY + 'x', way)('profile/portrait_get', ask)))
  show('noAdmin', refused(await chat(CHAT_URL, SDKAPPID, SECRET_KEY, { ...way, identifier: ACCOUNT })('profile/portrait_get', ask)))
}
