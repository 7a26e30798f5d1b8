import { isAscii } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { HttpFault } from './answer.js'

/** The client went away before its request was complete: nobody is there to be answered. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError'
}

/** A JSON object as a client sent it. */
export type RequestBody = Record<string, unknown>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Throws HttpFault when a request does not announce plain JSON: `application/json`, in UTF-8 (RFC 8259), not compressed.
 * The media type is also what makes a browser ask for permission first.
 */
export function checkContentType({ headers }: IncomingMessage): void {
  const [mediaType = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  if (mediaType.trim() !== 'application/json') {
    throw new HttpFault('UNSUPPORTED_MEDIA_TYPE', 'Send a JSON object with `Content-Type: application/json`.', {
      accept: 'application/json',
    })
  }
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith('charset='))
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new HttpFault('UNSUPPORTED_MEDIA_TYPE', 'JSON is sent in UTF-8.')
  }
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new HttpFault('UNSUPPORTED_MEDIA_TYPE', 'Send the body without Content-Encoding.', { 'accept-encoding': 'identity' })
  }
}

/**
 * Reads the whole body of a request.
 *
 * @throws HttpFault PAYLOAD_TOO_LARGE as soon as it is known that there are more than `maxBytes`, ClientGoneError
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const refuse = (): void => {
      request.pause()
      request.off('data', onData).off('end', onEnd)
      reject(new HttpFault('PAYLOAD_TOO_LARGE', `The body must have at most ${maxBytes} bytes (the setting VALHALLA_MAX_BODY_BYTES).`))
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > maxBytes) refuse()
      else chunks.push(chunk)
    }
    const onEnd = (): void => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    // Comes after the end as well, when nobody waits any more.
    const onGone = (): void => (request.complete ? undefined : reject(new ClientGoneError('the request was not sent to its end')))
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) refuse()
    else request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone)
  })
}

/** The JSON object of a body; throws HttpFault BAD_REQUEST for anything else, also for a batch of operations. */
export function parseBody(bytes: Buffer): RequestBody {
  const value = parseJson(bytes)
  if (Array.isArray(value)) throw new HttpFault('BAD_REQUEST', 'Batches are not taken: send one operation in each request.')
  if (typeof value !== 'object' || value === null) {
    throw new HttpFault('BAD_REQUEST', 'The body must be a JSON object such as {"query": "{ __typename }"}.')
  }
  return value as RequestBody
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(isAscii(bytes) ? bytes.toString('latin1') : utf8.decode(bytes))
  } catch {
    throw new HttpFault('BAD_REQUEST', 'The body is not JSON in UTF-8.')
  }
}
