// Opens anonymous event streams in one burst and holds them: node open-streams.js URL COUNT SECONDS
// Prints a line when all have responses, and exits by itself.
import { Agent, get } from 'node:http'

const [url = '', count = '0', seconds = '0'] = process.argv.slice(2)
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY })
const answers: Record<string, number> = {}

const answerOf = () =>
  new Promise<string>((resolve) => {
    const request = get(url, { agent })
    request.on('response', (response) => {
      response.on('error', () => {}).resume()
      resolve(String(response.statusCode))
    })
    request.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })

setTimeout(() => process.exit(), Number(seconds) * 1000)
await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const answer = await answerOf()
    answers[answer] = (answers[answer] ?? 0) + 1
  }),
)
console.log(`answered ${JSON.stringify(answers)}`)
