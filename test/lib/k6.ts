/** Whether there is a k6: the program that K6 names, or the image (HAVE_K6=yes, as deploy/lib.sh finds out). */
export const hasK6 = () => Boolean(process.env.K6) || process.env.HAVE_K6 === 'yes'
