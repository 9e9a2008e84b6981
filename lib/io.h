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
 * closed would get it for its next file, and read or write that.  They become
 * /dev/null; but where stdout is for data, a closed one ends the program.
 */
void io_check_standard(int is_stdout_for_data);

/* Writes everything, waiting with poll() where `fd` is non-blocking. */
int io_write_all(int fd, const void *bytes, size_t len_bytes);

/*
 * Appends the whole file to `into`, but at most `max_bytes`: a larger file is
 * EFBIG.  Meant for credentials and state, not for data.
 */
int io_read_file(const char *path, size_t max_bytes, struct buffer *into);

#endif
