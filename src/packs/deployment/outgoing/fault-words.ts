/** What went wrong between here and a destination, in words that tell what to look at and hold neither address nor body. */
export function describeOutgoingFault(error: unknown): string {
  const code = codeOf(error)
  const words = WORDS[code]
  if (words !== undefined) return words
  if (/CERT|SELF_SIGNED|UNABLE_TO_|TLS/.test(code))
    return `its TLS certificate is not accepted (${code}); renew it, or probe it by the name that it is made for`
  if (code.startsWith('HPE_')) return 'what answers there does not speak HTTP'
  return code === '' ? 'the connection failed' : `the connection failed (${code})`
}

const NO_LISTENER = 'nothing takes connections there; look whether the service is running, and at this port'
const BROKEN = 'the connection was cut before the answer was whole; look for a crash or a proxy in between'
const LATE = 'no connection could be made in time; look for a firewall or a wrong port'

const WORDS: Readonly<Record<string, string>> = {
  EFORBIDDENADDRESS:
    'the name leads to an address that is not an ordinary one of the internet (loopback, private, link-local or the like); to probe it all the same, allow its origin by its IP address in SMOKE_ALLOWED_ORIGINS',
  ECONNREFUSED: NO_LISTENER,
  ECONNRESET: BROKEN,
  EPIPE: BROKEN,
  UND_ERR_SOCKET: BROKEN,
  ENOTFOUND: 'its name has no address; check the spelling and the DNS',
  EAI_AGAIN: 'its name could not be looked up; check the DNS',
  EHOSTUNREACH: 'its address cannot be reached; check network and routing',
  ENETUNREACH: 'its address cannot be reached; check network and routing',
  ETIMEDOUT: LATE,
  UND_ERR_CONNECT_TIMEOUT: LATE,
  UND_ERR_HEADERS_OVERFLOW: 'the headers of its answer are too long',
}

/** The code of an error or of the first cause that has one; of several tries that failed, that of the first. */
function codeOf(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    const { code } = cause as { code?: unknown }
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code)) return code
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause
  }
  return ''
}
