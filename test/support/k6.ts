/** Whether k6 is available: as the program that K6 names, or as the image (HAVE_K6=yes, set by deploy/lib.sh). */
export const hasK6 = () => Boolean(process.env.K6) || process.env.HAVE_K6 === 'yes'
