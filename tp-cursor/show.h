/* `tp-cursor show`: what S holds, for a person or (--json) for a program. */
#ifndef TP_CURSOR_SHOW_H
#define TP_CURSOR_SHOW_H

/*
 * Prints on stdout what is committed and what the journal has beyond it.
 * Changes and locks nothing.  Returns an exit code; unless it is 0, a line has
 * been printed on stderr.
 */
int show(int dir_fd, const char *path, int is_json);

#endif
