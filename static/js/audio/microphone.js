/**
 * The microphone: asking for it, and which ones there are.
 */

/** The choice that means: join and only listen. */
export const NO_MICROPHONE = "none";

/**
 * @typedef {object} Capabilities
 * @property {boolean} secure  the page is a secure context
 * @property {boolean} webrtc  the browser has RTCPeerConnection
 * @property {boolean} microphone  the browser offers getUserMedia
 */

/** @returns {Capabilities} */
export function capabilities() {
  return {
    secure: window.isSecureContext,
    webrtc: typeof RTCPeerConnection === "function",
    microphone: Boolean(navigator.mediaDevices?.getUserMedia),
  };
}

/**
 * Whether the microphone may be turned on without a question.
 *
 * @returns {Promise<boolean>}
 */
export async function alreadyAllowed() {
  try {
    const permission = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("microphone") });
    return permission.state === "granted";
  } catch {
    return false; // Firefox before 131 does not know this permission
  }
}

/**
 * @param {string} deviceId  empty for the browser's own choice
 * @param {boolean} processing  echo cancellation, noise suppression and gain control on or off
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openMicrophone(deviceId, processing) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
      channelCount: 1,
    },
  });
  const [track] = stream.getAudioTracks();
  track.contentHint = processing ? "speech" : "music";
  return track;
}

/**
 * @param {MediaDeviceKind} kind
 * @returns {Promise<MediaDeviceInfo[]>}  without those the browser doesn't name yet
 */
export async function devicesOf(kind) {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === kind && device.deviceId !== "");
}

/** Whether this browser lets a page choose where sound comes out. */
export function canChooseSpeaker() {
  return "setSinkId" in HTMLMediaElement.prototype;
}
