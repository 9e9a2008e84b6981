/* whole_file.h -- files that appear and are read whole. */
#ifndef STANDIN_AUTH_WHOLE_FILE_H
#define STANDIN_AUTH_WHOLE_FILE_H

/* The text of a file, malloc'ed; ends the program if it cannot be read. */
char *whole_file_read(const char *path);
/* Writes `text` and a newline so that no reader sees a part of it; ends the
 * program if it cannot. */
void whole_file_write(const char *path, const char *text);

#endif
