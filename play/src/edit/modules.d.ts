declare module '*.py' {
  const text: string
  export default text
}
declare module '*?text' {
  const text: string
  export default text
}
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>
  export default bytes
}
declare module '@micropython/micropython-webassembly-pyscript/micropython.mjs' {
  import type {MicroPython} from './engine'
  export function loadMicroPython(options?: {
    url?: string
    stdout?: (line: string) => void
  }): Promise<MicroPython>
}
