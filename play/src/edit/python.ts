/** The reader's own Python in the page. `loadPython()` starts a worker with MicroPython in it; `compile` reads a rule there; each `step`
    asks it for one step. What doesn't answer in time is stopped, and the next `compile` starts anew. Works from `file://`. */
import {type Compiled, type Fault, type Hypers, PythonFault, type State} from './engine'
import {loopLine} from './source'
import worker from './worker.ts?text'

export {type Fault, PythonFault}

export interface EditedRule extends Compiled {
  /** As `Rule.step` of generated/rules.js, in place, but answered later. Rejects with a `PythonFault`. */
  step(p: Float64Array, g: Float64Array, s: State, t: number, h: Hypers): Promise<void>
}

export interface Python {
  /** Rejects with a `PythonFault`: its `fault` has the line, counted from 1, and what is wrong there. */
  compile(source: string, name: string): Promise<EditedRule>
  /** Stop the worker. */
  close(): void
}

export const LOADING = 20_000 // milliseconds for MicroPython to be there
export const PATIENCE = 1_000 // milliseconds for a step

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each question has an answer of its own kind
  resolve(value: any): void
  reject(error: Error): void
}

/** One worker: each question gets its answer, or a fault when time is up. */
class Asked {
  private readonly worker: Worker
  private readonly waiting = new Map<number, Answer>()
  private last = 0
  stopped = false

  constructor() {
    const url = URL.createObjectURL(new Blob([worker], {type: 'text/javascript'}))
    this.worker = new Worker(url)
    this.worker.onmessage = ({data: {id, value, fault}}) => {
      const asked = this.waiting.get(id)
      this.waiting.delete(id)
      if (fault) asked?.reject(new PythonFault(fault))
      else asked?.resolve(value)
    }
    this.worker.onerror = event => this.stop({line: null, message: event.message})
    URL.revokeObjectURL(url)
  }

  ask<T>(kind: string, args: unknown[], within: number, late: Fault): Promise<T> {
    const id = ++this.last
    const answer = new Promise<T>((resolve, reject) => this.waiting.set(id, {resolve, reject}))
    const timer = setTimeout(() => this.stop(late), within)
    this.worker.postMessage({id, kind, args})
    return answer.finally(() => clearTimeout(timer))
  }

  stop(fault: Fault) {
    this.stopped = true
    this.worker.terminate()
    for (const asked of this.waiting.values()) asked.reject(new PythonFault(fault))
    this.waiting.clear()
  }
}

async function begin() {
  const asked = new Asked()
  await asked.ask('load', [], LOADING, {line: null, message: 'Python could not be loaded'})
  return asked
}

export async function loadPython(): Promise<Python> {
  let asked = await begin()
  return {
    async compile(source, name) {
      if (asked.stopped) asked = await begin()
      const mine = asked
      const late = {
        line: loopLine(source),
        message: `this did not end within ${PATIENCE / 1000} s, and was stopped`,
      }
      const compiled = await mine.ask<Compiled>('compile', [source, name], PATIENCE, late)
      const step = async (p: Float64Array, g: Float64Array, s: State, t: number, h: Hypers) => {
        if (mine.stopped) throw new PythonFault(late)
        const after = await mine.ask<{p: Float64Array; s: State}>('step', [p, g, s, t, h], PATIENCE, late)
        p.set(after.p)
        for (const name of compiled.state) s[name].set(after.s[name])
      }
      return {...compiled, step}
    },
    close: () => asked.stop({line: null, message: 'stopped'}),
  }
}
