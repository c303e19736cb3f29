// What opens a playground where its still stands, and puts the still back.
import {nameIn, pairs} from './address'
import {button, el} from './dom'

export type Closer = () => void
export interface Opening {
  host: HTMLElement
  name: string // in the address
  preset: [string, string][]
  given: [string, string][] | null // what the address says; null: nothing
}
export type Open = (o: Opening) => Closer

declare global {
  interface Window {
    // biome-ignore lint/suspicious/noExplicitAny: what a kind offers besides is for the tests
    fastbookPlay: Record<string, any>
    /** Fetch another script of the playground. */
    fastbookLoad: (kind: string) => Promise<void>
  }
}

/** Offer a kind of playground to the page, with what the tests look at. */
export function offer(kind: string, open: Open, more: Record<string, unknown> = {}) {
  window.fastbookPlay ??= {}
  window.fastbookPlay[kind] = {
    ...more,
    open(box: HTMLElement, still: HTMLElement | null, opener: HTMLElement | null) {
      const name = box.id.replace(/^play-/, '')
      const given = nameIn(location.hash) === name ? pairs(location.hash.split('?').slice(1).join('?')) : null
      const host = el('div', {
        class: 'play-live',
        role: 'group',
        'aria-label': box.dataset.title ?? 'Playground',
      })
      box.append(host)
      still?.classList.add('play-still')
      if (opener) opener.hidden = true
      const close = open({host, name, preset: pairs(box.dataset.state ?? ''), given})
      if (!still || !opener) return
      const back = () => {
        close()
        host.remove()
        still.classList.remove('play-still')
        opener.hidden = false
        opener.focus()
      }
      host.append(button('Back to the picture', back, {class: 'play-button play-back'}))
    },
  }
}
