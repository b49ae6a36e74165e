// Writes docs/lessons/ and the lessons for browsers without scripts from app/page/lessons: node lessons.js
import { outdatedFiles, writeLessons } from './support/lesson-texts.ts'

for (const path of await outdatedFiles()) process.stdout.write(`${path}\n`)
await writeLessons()
