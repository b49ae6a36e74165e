import { duration, element } from './dom.ts'

export interface Notice {
  /** Shows a message. The next normal answer removes a `passing` one. */
  show(text: string, kind?: 'lasting' | 'passing'): void
  /** Counts down, then disappears. `text` receives the time left. */
  countDown(seconds: number, text: (left: string) => string): void
  clear(): void
  clearPassing(): void
}

/** An alert: that of the whole page, which stays in sight, or one beside the button that it is about. */
export function createNotice(id: string): Notice {
  const bar = element(id)
  let ticking: number | undefined
  let isPassing = false

  function show(text: string, kind: 'lasting' | 'passing' = 'lasting'): void {
    clearInterval(ticking)
    isPassing = kind === 'passing'
    bar.textContent = text
    bar.hidden = false
  }

  function clear(): void {
    clearInterval(ticking)
    bar.hidden = true
    bar.textContent = ''
  }

  return {
    show,
    clear,
    clearPassing() {
      if (isPassing) clear()
    },
    countDown(seconds, text) {
      const endsAt = performance.now() + seconds * 1000
      const left = () => endsAt - performance.now()
      show(text(duration(left())))
      ticking = setInterval(() => {
        if (left() > 0) bar.textContent = text(duration(left()))
        else clear()
      }, 250)
    },
  }
}
