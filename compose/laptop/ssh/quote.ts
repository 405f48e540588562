/**
 * One command for a POSIX shell, in which every argument arrives as it is: the only way in which anything of ours gets
 * through a remote shell. @throws TypeError for what no argument can hold
 */
export function quoted(command: readonly string[]): string {
  return command.map(quotedOne).join(' ')
}

/**
 * The same for whatever shell a login has, which that runs in its own place: fish and csh read a backslash, `!` and the
 * end of a line within quotes in ways of their own, so that these go as numbers, and a POSIX shell makes them out.
 * @throws TypeError for what no argument can hold
 */
export function lineOf(command: readonly string[]): string {
  const line = quoted(command)
  if (!command.some(text => special.test(text))) return `exec ${line}`
  const numbered = [...Buffer.from(line)].map(byte => {
    const character = String.fromCharCode(byte)
    return special.test(character) || character === "'" ? `\\0${byte.toString(8).padStart(3, '0')}` : character
  })
  return `exec sh -c 'eval "exec $(printf %b "$0")"' '${numbered.join('')}'`
}

/** Of a byte or of a text: what is not the same in the quotes of every shell. */
const special = /[\\!]|[^ -~]/

function quotedOne(text: string): string {
  if (text.includes('\0')) throw new TypeError('no argument can hold a zero byte')
  // What begins with = is a program's path to zsh; %self is a number to fish.
  return /^[\w@+:,./-][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
