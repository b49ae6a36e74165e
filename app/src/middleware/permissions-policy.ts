/**
 * The browser features that the page does not use. The list is that of Chromium 156 (`document.featurePolicy.features()`). A
 * browser ignores the names that it does not know. Two kinds are left out: client hints, which only a server can use, and
 * `clipboard-write`, which the "Copy" buttons of the page need.
 *
 * `cross-origin-isolated` is among them: COOP and COEP would otherwise allow shared memory and exact clocks, which
 * side-channel attacks need.
 */
const UNUSED_FEATURES = [
  ...['accelerometer', 'aria-notify', 'autoplay', 'browsing-topics', 'camera', 'captured-surface-control'],
  ...['clipboard-read', 'compute-pressure', 'cross-origin-isolated', 'deferred-fetch', 'deferred-fetch-minimal'],
  ...['digital-credentials-create', 'digital-credentials-get', 'display-capture', 'encrypted-media', 'fullscreen'],
  ...['gamepad', 'geolocation', 'gyroscope', 'hid', 'identity-credentials-get', 'idle-detection', 'interest-cohort'],
  ...['keyboard-map', 'language-detector', 'language-model', 'local-fonts', 'local-network', 'local-network-access'],
  ...['loopback-network', 'magnetometer', 'media-playback-while-not-visible', 'microphone', 'midi'],
  ...['on-device-speech-recognition', 'otp-credentials', 'payment', 'picture-in-picture'],
  ...['private-state-token-issuance', 'private-state-token-redemption', 'publickey-credentials-create'],
  ...['publickey-credentials-get', 'screen-wake-lock', 'serial', 'speaker-selection', 'storage-access'],
  ...['summarizer', 'sync-xhr', 'translator', 'unload', 'usb', 'window-management', 'xr-spatial-tracking'],
]

/** The value of the header Permissions-Policy: https://www.w3.org/TR/permissions-policy/ */
export const permissionsPolicy = ['clipboard-write=(self)', ...UNUSED_FEATURES.map((feature) => `${feature}=()`)].join(
  ', ',
)
