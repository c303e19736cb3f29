/** The worker in which the reader's Python runs: it may be stopped at any time, and the page goes on. */
import {loadMicroPython} from '@micropython/micropython-webassembly-pyscript/micropython.mjs'
import wasm from '@micropython/micropython-webassembly-pyscript/micropython.wasm'
import {rules} from '../generated/rules.js'
import {Engine, PythonFault} from './engine'
import tensor from './tensor.py'

// What TypeScript's library for pages doesn't know of workers
const here = self as unknown as {
  postMessage(message: unknown): void
  onmessage: (event: MessageEvent) => void
}

const engine = loadMicroPython({url: URL.createObjectURL(new Blob([wasm], {type: 'application/wasm'}))}).then(
  python =>
    new Engine(
      python,
      tensor,
      rules.map(rule => rule.python),
    ),
)

here.onmessage = async ({data: {id, kind, args}}) => {
  try {
    const python = await engine
    if (kind === 'load') return here.postMessage({id, value: null})
    if (kind === 'compile') return here.postMessage({id, value: python.compile(args[0], args[1])})
    const [p, g, s, t, h] = args
    python.step(p, g, s, t, h)
    here.postMessage({id, value: {p, s}})
  } catch (error) {
    const fault = error instanceof PythonFault ? error.fault : {line: null, message: String(error)}
    here.postMessage({id, fault})
  }
}
