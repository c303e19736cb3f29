/** Runs a rule's own Python on MicroPython. Knows nothing of workers or pages, so that node can test it. */
import {type Argument, argumentsOf, lineOf} from './source'

export type Hypers = Record<string, number | boolean>
export type State = Record<string, Float64Array>

/** What went wrong, in the reader's words: the line is that of the source as given, counted from 1; null where no line is to blame. */
export interface Fault {
  line: number | null
  message: string
}

export interface Compiled {
  state: string[]
  hypers: {name: string; value: number | boolean}[]
}

/** What is used of MicroPython. */
export interface MicroPython {
  runPython(code: string): unknown
  // biome-ignore lint/suspicious/noExplicitAny: what Python holds is known when it is asked for
  globals: {get(name: string): any; set(name: string, value: unknown): void}
}

export class PythonFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message)
  }
}

const FILE = 'rule.py'

export class Engine {
  private rule: Argument[] = []
  private call = ''

  /** `others`: sources of rules that a rule may call, as AdamW calls Adam. */
  constructor(
    private readonly python: MicroPython,
    tensor: string,
    private readonly others: string[],
  ) {
    python.runPython(tensor)
    python.runPython(`import json, sys\nsys.modules['torch'] = torch`)
  }

  /** Read a rule's source. Raises `PythonFault` with the line that is wrong. */
  compile(source: string, name: string): Compiled {
    this.python.runPython(`SPACE = {'torch': torch, '__name__': 'rule'}`)
    for (const other of this.others) this.execute(other, 'other.py')
    this.python.runPython(`SPACE.pop('${name}', None)`)
    this.execute(source, FILE)
    if (!this.value(`callable(SPACE.get('${name}'))`)) {
      throw new PythonFault({line: 1, message: `there is no function \`${name}\`: the rule keeps its name`})
    }
    this.python.runPython(`RULE = SPACE['${name}']`)
    this.rule = argumentsOf(source, name)
    this.call = ''
    const rest = this.rule.slice(2)
    return {
      state: rest.filter(a => a.value === null && a.name !== 't').map(a => a.name),
      hypers: rest.flatMap(a => this.hypersOf(a)),
    }
  }

  /** One step, in place. Raises `PythonFault` with the reader's line. */
  step(p: Float64Array, g: Float64Array, s: State, t: number, h: Hypers) {
    const state = this.rule.slice(2).filter(a => a.value === null && a.name !== 't')
    const missing = state.find(a => !s[a.name])
    if (missing) throw new PythonFault({line: 1, message: `nothing is remembered as \`${missing.name}\``})
    this.prepare(
      state.map(a => a.name),
      Object.keys(h),
    )
    const sign = h.maximize ? -1 : 1
    const arrays = [p, g.map(x => sign * x), ...state.map(a => s[a.name])]
    this.attempt(() => this.python.globals.get('STEP')(t, Object.values(h), ...arrays))
  }

  /** Write the call of the rule once for all steps that are given the same things. */
  private prepare(state: string[], hypers: string[]) {
    const call = [...state, '|', ...hypers].join()
    if (call === this.call) return
    const rest = this.rule.slice(2).flatMap(a => this.handedOver(a, hypers))
    this.python.runPython(
      `def STEP(t, h, p, g, *s): apply(RULE, p, g, zip(${JSON.stringify(state)}, s), dict(${rest}))`,
    )
    this.call = call
  }

  /** A hyper-parameter with its default; the two numbers of a pair each by itself, as `beta1` and `beta2`. */
  private hypersOf({name, value}: Argument): Compiled['hypers'] {
    if (value === null) return []
    const found = this.value(value)
    return Array.isArray(found)
      ? found.map((x, k) => ({name: part(name, k), value: x}))
      : [{name, value: found}]
  }

  /** How an argument is written in the call. */
  private handedOver({name, value}: Argument, hypers: string[]) {
    if (name === 't') return ['t=t']
    if (value === null) return []
    const at = (key: string) => `h[${hypers.indexOf(key)}]`
    if (hypers.includes(name)) return [`${name}=${at(name)}`]
    const parts = hypers.filter(key => /\d$/.test(key) && key.replace(/\d$/, '') === name.replace(/s$/, ''))
    return parts.length > 1 ? [`${name}=(${parts.sort().map(at)})`] : []
  }

  /** What a piece of Python comes to; a tuple is a list. */
  private value(code: string) {
    this.run(`ANSWER = json.dumps(${code})`)
    return JSON.parse(this.python.globals.get('ANSWER'))
  }

  private execute(source: string, file: string) {
    this.python.globals.set('SOURCE', source)
    this.run(`exec(compile(SOURCE, '${file}', 'exec'), SPACE)`)
  }

  private run(code: string) {
    this.attempt(() => this.python.runPython(code))
  }

  private attempt(action: () => void) {
    try {
      action()
    } catch (error) {
      throw new PythonFault(lineOf(String((error as Error).message), FILE))
    }
  }
}

const part = (name: string, k: number) => `${name.replace(/s$/, '')}${k + 1}`
