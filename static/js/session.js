// Who is logged in, and what that person may do. The server decides; the page only hides what would be refused.
import { api, setCsrfToken } from "./api.js";

const RANKS = { viewer: 0, operator: 1, admin: 2 };

export const session = { username: "", role: "viewer", cameras: null };

/** Load the account of this session; goes to the login page when there is none. */
export async function loadSession() {
  const me = await api.get("/api/me");
  Object.assign(session, { username: me.username, role: me.role, cameras: me.cameras ?? null });
  setCsrfToken(me.csrf_token);
}

/** Whether the person has at least that role. */
export function may(role) {
  return (RANKS[session.role] ?? 0) >= RANKS[role];
}
