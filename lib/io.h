/*
 * Reads and writes that finish: EINTR and short counts in one place.
 * All block; none prints but the first.  -1 means errno says why.
 */
#ifndef LIB_IO_H
#define LIB_IO_H

#include <stddef.h>

struct buffer;

/*
 * To be called first in main: a program started with a standard descriptor
 * closed would get it for its next file, and write data into that.  Ends the
 * program when stdout is closed; the other two become /dev/null.
 */
void io_check_standard(void);

/* Writes everything, waiting with poll() where `fd` is non-blocking. */
int io_write_all(int fd, const void *bytes, size_t len_bytes);

/*
 * Appends the whole file to `into`, but at most `max_bytes`: a larger file is
 * EFBIG.  Meant for credentials and state, not for data.
 */
int io_read_file(const char *path, size_t max_bytes, struct buffer *into);

#endif
