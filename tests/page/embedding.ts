// What TypeScript makes of embed.d.ts: checked by test_types.py, and never run.
import { JoinError, joinRoom, type Person, type Room } from "../../static/js/embed.js";

export async function talk(track: MediaStreamTrack): Promise<readonly Person[]> {
  const room: Room = await joinRoom({ url: "https://talk.example.org", room: "tea", name: "Amy", microphone: track, audio: false });
  room.addEventListener("muted", ({ detail }) => console.log(detail.byServer));
  room.addEventListener("people", ({ detail: { people } }) => people.map((person) => person.name));
  room.addEventListener("left", (event) => event.detail.reason === "removed");
  // @ts-expect-error there is no such reason
  room.addEventListener("left", (event) => event.detail.reason === "bored");
  // @ts-expect-error a room is needed
  await joinRoom({ url: "https://talk.example.org" });
  // @ts-expect-error a role is one of three
  await joinRoom({ url: "https://talk.example.org", room: "tea", role: "king" });
  // @ts-expect-error who is muted is told, and not decided
  room.muted = true;
  await room.setMicrophone(null);
  await room.setVolume(room.people[0]!.id, 0.5);
  room.leave();
  return room.people;
}

export function why(error: unknown): string {
  return error instanceof JoinError && error.code === "not-allowed" ? `status ${error.status}` : "";
}
