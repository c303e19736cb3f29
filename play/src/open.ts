// The only script that a lesson with a playground loads by itself: a button below the still, which fetches the rest when it is used.
const here = (document.currentScript as HTMLScriptElement).src
const at = (file: string) => new URL(file, here).href
const loads = new Map<string, Promise<void>>()

function load(tag: 'script' | 'link', attrs: Record<string, string>): Promise<void> {
  const key = attrs.src ?? attrs.href
  if (!loads.has(key))
    loads.set(
      key,
      new Promise((done, failed) => {
        const made = Object.assign(document.createElement(tag), attrs)
        made.onload = () => done()
        made.onerror = () => failed(new Error(key))
        document.head.append(made)
      }),
    )
  return loads.get(key)!
}

window.fastbookLoad = kind => load('script', {src: at(`${kind}.js`)})

async function open(box: HTMLElement, still: HTMLElement | null, opener: HTMLButtonElement, focus: boolean) {
  const kind = box.dataset.play!
  opener.disabled = true
  try {
    await Promise.all([load('link', {rel: 'stylesheet', href: at('play.css')}), window.fastbookLoad(kind)])
    window.fastbookPlay[kind].open(box, still, opener)
    if (focus) box.querySelector<HTMLElement>('.play-main')?.focus({preventScroll: true})
  } catch (e) {
    opener.after(`The playground can’t be loaded: ${(e as Error).message}`)
    throw e
  } finally {
    opener.disabled = false
  }
}

const named = decodeURIComponent(location.hash.replace(/^#play:/, '').split('?')[0])
for (const box of document.querySelectorAll<HTMLElement>('[data-play]')) {
  const still = box.dataset.still === undefined ? null : (box.previousElementSibling as HTMLElement | null)
  const opener = Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'play-open',
    textContent: 'Play with it',
  })
  opener.setAttribute('aria-label', `Play with it: ${box.dataset.title}`)
  const start = (focus: boolean) => open(box, still?.querySelector('.cell_output') ?? still, opener, focus)
  opener.addEventListener('click', () => start(true))
  box.append(opener)
  const asked = location.hash.startsWith('#play:') && named === box.id.replace(/^play-/, '')
  if (asked) start(true)
  else if (!still) start(false) // on the page that is for playing nobody has to ask
  if (asked) box.scrollIntoView()
}

export {}
