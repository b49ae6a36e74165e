import { duration, element } from './dom.ts'

export interface Notice {
  /** Something is wrong. If it is `passing`, it is over as soon as somebody answers as usual. */
  show(text: string, kind?: 'lasting' | 'passing'): void
  /** Counts down, and goes at the end. `text` gets the time that is left. */
  countDown(seconds: number, text: (left: string) => string): void
  clear(): void
  clearPassing(): void
}

export function createNotice(): Notice {
  const bar = element('notice')
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
