// The address bar keeps the state: `#play:name?surface=ravine&turn=30&with=adam(lr:0.1,beta1:0.8)`.

export interface Given {
  values: Map<string, string>
  lists: Map<string, string[]>
}

export const PREFIX = '#play:'

/** The name of the playground that an address is for; null for any other address. */
export const nameIn = (hash: string) =>
  hash.startsWith(PREFIX) ? hash.slice(PREFIX.length).split('?')[0] : null

/** Pairs of a text such as `surface=ravine&with=sgd`; a name that comes again keeps all its values. */
export function pairs(text: string): [name: string, value: string][] {
  const parts = text.split('&').filter(Boolean)
  return parts.map(part => {
    const [name, ...rest] = part.split('=')
    return [plain(name), plain(rest.join('='))]
  })
}

function plain(text: string) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const kept = (text: string) => encodeURIComponent(text).replace(/%(2C|3A|28|29)/g, c => decodeURIComponent(c))

export const text = (items: [string, string][]) => items.map(([n, v]) => `${n}=${kept(v)}`).join('&')

/** Write the state into the address bar, without a step in the history of the browser. */
export function keep(name: string, items: [string, string][]) {
  const hash = `${PREFIX}${name}?${text(items)}`
  try {
    history.replaceState(history.state, '', hash)
  } catch {
    location.replace(hash) // some browsers refuse that for pages that are files
  }
}

/** `adam(lr:0.1,amsgrad:true)` as a name and pairs; null for what isn't of that form. */
export function call(value: string): {name: string; args: [string, string][]} | null {
  const m = /^(\w+)(?:\(([^()]*)\))?$/.exec(value)
  if (!m) return null
  const args = (m[2] ?? '').split(',').filter(Boolean)
  return {name: m[1], args: args.map(a => [a.split(':')[0], a.split(':').slice(1).join(':')])}
}

/** A number of an address within its range, else null. */
export function numberIn(value: string, min: number, max: number): number | null {
  const x = value.trim() === '' ? Number.NaN : Number(value)
  return x >= min && x <= max ? x : null
}
