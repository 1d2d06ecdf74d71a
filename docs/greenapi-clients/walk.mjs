// What both walks need.

// CONTACT is who is written to, CHAT what GREEN-API calls that person.
export const CONTACT = Number(process.env.CONTACT)
export const CHAT = `${CONTACT}@c.us`

// What a call fails with holds the whole of axios: its text and the answer will do.
process.on('uncaughtException', (err) => {
  console.error(err.stack, err.response?.data ?? '')
  process.exit(1)
})

// show prints one line of JSON for what was seen; the clients print lines of their own.
export function show(step, what) {
  console.log(`show ${JSON.stringify({ step, what })}`)
}

// patiently comes again as long as call is told that it came too often.
export async function patiently(call) {
  for (;;) {
    try {
      return await call()
    } catch (err) {
      if (statusOf(err) !== 429) throw err
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

// refused shows what a call failed with, which should fail.
export async function refused(step, call) {
  try {
    show(step, { answered: await call() })
  } catch (err) {
    show(step, { status: statusOf(err), error: err.message })
  }
}

// statusOf is the status that an error tells: the first client has it as a number, the
// second in the text.
function statusOf(err) {
  return err.response?.status ?? Number(/status code (\d+)/.exec(err.message)?.[1])
}
