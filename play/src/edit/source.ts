/** What can be read off a rule's source and off MicroPython's messages. MicroPython itself can't say what a function takes. */

export interface Argument {
  name: string
  value: string | null // its default, as it is written
}

/** The arguments of `def name(…)`. */
export function argumentsOf(source: string, name: string): Argument[] {
  const bare = source.replace(/#.*$/gm, '')
  const begin = new RegExp(`def\\s+${name}\\s*\\(`).exec(bare)
  if (!begin) return []
  const found: string[] = ['']
  let depth = 0
  for (const c of bare.slice(begin.index + begin[0].length)) {
    if (c === ')' && depth === 0) break
    if ('([{'.includes(c)) depth++
    if (')]}'.includes(c)) depth--
    if (c === ',' && depth === 0) found.push('')
    else found[found.length - 1] += c
  }
  return found
    .map(text => text.trim())
    .filter(text => /^\w/.test(text))
    .map(text => {
      const [head, ...rest] = text.split('=')
      return {name: head.split(':')[0].trim(), value: rest.length ? rest.join('=').trim() : null}
    })
}

/** The last line of `file` that a traceback names, and what went wrong there. */
export function lineOf(traceback: string, file: string) {
  const lines = [...traceback.matchAll(/File "([^"]*)", line (\d+)/g)].filter(m => m[1] === file)
  const message = traceback.trim().split('\n').pop() ?? traceback
  return {line: lines.length ? Number(lines[lines.length - 1][2]) : null, message}
}

/** The line to show for a run that did not end: the first loop, or the `def`. */
export function loopLine(source: string) {
  const lines = source.split('\n')
  const of = (pattern: RegExp) => lines.findIndex(line => pattern.test(line)) + 1
  return of(/^\s*while\b/) || of(/^\s*for\b/) || of(/^\s*def\b/) || 1
}
