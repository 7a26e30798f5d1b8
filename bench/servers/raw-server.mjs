// The least that Node can do for the same JSON: parse the body of a POST, and write the same data as an answer. The data comes in the
// environment as ANSWER.
import { createServer } from 'node:http'

const answer = JSON.parse(process.env.ANSWER)
const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const { query } = JSON.parse(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
    if (typeof query !== 'string') return response.writeHead(400).end()
    const text = JSON.stringify(answer)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })))
process.on('SIGTERM', () => process.exit(0))
