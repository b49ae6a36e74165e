import { duration, element } from './dom.ts'

export interface Notice {
  /** Something is wrong; `calm` if it is only worth knowing. */
  show(text: string, tone?: 'alarm' | 'calm'): void
  /** Counts down, and calls `onOver` at the end. `text` gets the time that is left. */
  countDown(seconds: number, text: (left: string) => string, onOver: () => void): void
  clear(): void
}

export function createNotice(): Notice {
  const bar = element('notice')
  let ticking: number | undefined

  function show(text: string, tone: 'alarm' | 'calm' = 'alarm'): void {
    clearInterval(ticking)
    bar.className = `notice ${tone}`
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
    countDown(seconds, text, onOver) {
      const endsAt = performance.now() + seconds * 1000
      const left = () => endsAt - performance.now()
      show(text(duration(left())))
      ticking = setInterval(() => {
        if (left() > 0) {
          bar.textContent = text(duration(left()))
          return
        }
        clear()
        onOver()
      }, 250)
    },
  }
}
