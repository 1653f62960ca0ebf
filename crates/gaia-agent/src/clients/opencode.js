// GAIA for opencode: before a tool runs, `gaia hook opencode` is asked whether it may.
// A write inside a folder that another session holds is refused; the reason is what the tool answers.
// Made by `gaia init --agent opencode`; docs/agents.md of GAIA says more.
import { spawnSync } from "node:child_process"

const GAIA = "@GAIA@"
const ENVIRONMENT = { /*ENVIRONMENT*/ }
const READS = ["read", "glob", "grep", "list", "webfetch", "websearch", "todoread", "todowrite", "task", "question", "skill", "lsp"]

function ask(call) {
  const run = spawnSync(GAIA, ["hook", "opencode"], {
    input: JSON.stringify(call),
    encoding: "utf8",
    env: { ...process.env, ...ENVIRONMENT },
    timeout: 20000,
  })
  try {
    return JSON.parse(run.stdout)
  } catch {
    const why = run.error ? String(run.error) : `it ended with status ${run.status}`
    return { decision: "deny", reason: `GAIA refused this because its hook failed: ${why}. Tell your user.` }
  }
}

export const Gaia = async ({ directory }) => {
  // A subagent has a session of its own; it acts under the one that began it.
  const parents = new Map()
  const root = (id) => (parents.has(id) ? root(parents.get(id)) : id)
  const call = (event, session, more) => {
    const agent = parents.has(session) ? { agent: session } : {}
    return ask({ event, session: root(session), cwd: directory, pid: process.pid, ...agent, ...more })
  }
  const ends = () => {
    for (const id of known) call("end", id, {})
  }
  const known = new Set()
  process.on("exit", ends)
  return {
    "chat.message": async (input, output) => {
      known.add(root(input.sessionID))
      const text = (output.parts ?? []).map((part) => part.text ?? "").join("\n")
      call("prompt", input.sessionID, { text })
    },
    "tool.execute.before": async (input, output) => {
      known.add(root(input.sessionID))
      const answer = call("before_tool", input.sessionID, { call: input.callID, tool: input.tool, input: output.args })
      if (answer.decision !== "allow" && !READS.includes(input.tool)) throw new Error(answer.reason)
      // To GAIA's own tools it is told which session calls them.
      if (answer.input) Object.assign(output.args, answer.input)
    },
    "tool.execute.after": async (input) => {
      call("after_tool", input.sessionID, { call: input.callID })
    },
    event: async ({ event }) => {
      const about = event.properties ?? {}
      if (event.type === "session.created" && about.info?.parentID) parents.set(about.info.id, about.info.parentID)
      if (event.type === "session.idle" && !parents.has(about.sessionID)) call("stop", about.sessionID, {})
      if (event.type === "session.idle" && parents.has(about.sessionID)) call("alive", about.sessionID, {})
      if (event.type === "session.error" && about.sessionID) call("failed", about.sessionID, { text: String(about.error?.name ?? "") })
      if (event.type === "permission.asked" && about.sessionID) call("waiting", about.sessionID, { text: "permission" })
    },
  }
}
