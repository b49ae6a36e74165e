// Loaded before a node. Shifts its clock by CLOCK_OFF_MS, as on a machine with a wrong clock.
const offMs = Number(process.env.CLOCK_OFF_MS)
const now = () => trueNow() + offMs
const trueNow = Date.now

// Changes Date.now(), new Date() and Date(), but not new Date('2026-11-24').
globalThis.Date = new Proxy(Date, {
  construct: (target, given) => Reflect.construct(target, given.length === 0 ? [now()] : given),
  apply: (target) => Reflect.construct(target, [now()]).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
})
