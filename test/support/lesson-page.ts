import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

// Lessons on the page, by keyboard alone.

const MOST_TABS = 60

/** Presses Tab until the element with the focus fits. `fits` is a script with the element `it`. */
export async function tabTo(page: Page, fits: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    if (await page.evaluate(`((it) => ${fits})(document.activeElement)`)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${MOST_TABS} times Tab does not reach ${fits}`)
}

/** The button with this text, or a part of it. */
export async function pressButton(page: Page, text: string): Promise<void> {
  await tabTo(page, `it.tagName === 'BUTTON' && it.textContent.includes(${JSON.stringify(text)})`)
  await page.keyboard.press('Enter')
}

/** Opens the panel, and the lesson of the list. */
export async function openLesson(page: Page, title: string): Promise<void> {
  await tabTo(page, "it.id === 'lessons-toggle'")
  await page.keyboard.press('Enter')
  await pressButton(page, title)
  await page.locator('h3.lesson-title', { hasText: title }).waitFor()
}

/** Chooses a prediction: the first with Space, another one with the arrow keys. */
export async function predict(page: Page, prediction: string): Promise<void> {
  await tabTo(page, "it.type === 'radio'")
  await page.keyboard.press('Space')
  const isChosen = () =>
    page.evaluate(`document.activeElement.closest('label').textContent.includes(${JSON.stringify(prediction)})`)
  for (let arrows = 0; !(await isChosen()); arrows++) {
    assert.ok(arrows < 5, `there is no choice "${prediction}"`)
    await page.keyboard.press('ArrowDown')
  }
  await page.locator('.lesson-progress .next').waitFor()
}

/** The command that the lesson shows in its step `number`, counted from 1. */
export const commandOf = async (page: Page, number: number) =>
  (await page
    .locator('.lesson-steps li')
    .nth(number - 1)
    .locator('code')
    .last()
    .textContent()) ?? ''

/** What the lesson says at its end: what happened, the choice that came true, and how that compares with the prediction. */
export async function outcomeOf(page: Page): Promise<{ what: string; choice: string; verdict: string }> {
  await page.locator('.lesson-progress .outcome').waitFor()
  const read = async (selector: string) =>
    ((await page.locator(selector).count()) > 0 ? await page.locator(selector).textContent() : '') ?? ''
  return {
    what: await read('.lesson-progress .outcome'),
    choice: (await read('.choices label.true .choice')).replace('This happened', ''),
    verdict: await read('.lesson-progress .verdict'),
  }
}

export const YES = 'You predicted it.'
export const NO = 'You predicted something else.'

export const hasHappened = (page: Page, what: string | RegExp) =>
  page.locator('.lesson-progress .happened', { hasText: what }).first().waitFor()
export const hasRemarked = (page: Page, what: string | RegExp) =>
  page.locator('.lesson-progress .remark', { hasText: what }).first().waitFor()

/** The lesson has not said that it happened. */
export async function assertStillWaiting(page: Page, waitingFor: string | RegExp): Promise<void> {
  assert.equal(await page.locator('.lesson-progress .outcome').count(), 0)
  assert.equal(await page.locator('.choices label.true').count(), 0)
  await page.locator('.lesson-progress .next', { hasText: waitingFor }).waitFor()
}

/** The command that restores the state before the lesson. */
export const commandAfter = async (page: Page) =>
  (await page.locator('.lesson-after .command code').textContent()) ?? ''
