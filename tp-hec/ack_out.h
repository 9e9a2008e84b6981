/*
 * Acknowledgement lines on standard output; the only thing ever written there.
 * Each call writes at once.  0, or -1 with errno (EPIPE: the reader has gone).
 */
#ifndef TP_HEC_ACK_OUT_H
#define TP_HEC_ACK_OUT_H

#include "tp-hec/window.h"

/* `ack N uid` */
int ack_out_safe(int fd, const struct window_mark *safe);

/* `end N` */
int ack_out_end(int fd, int64_t number);

/* `stop N text`; `text` is cut and made printable. */
int ack_out_stop(int fd, int64_t number, const char *text);

#endif
