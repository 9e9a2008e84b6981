/*
 * One accepted connection, plain or TLS: blocking, every wait bounded, and
 * breakable at any byte.
 *
 * A transport belongs to one thread, except that another may shut its
 * descriptor down to wake it.
 */
#ifndef STANDIN_HEC_TRANSPORT_H
#define STANDIN_HEC_TRANSPORT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct transport;

/*
 * A server's TLS settings: key and certificate in PEM; `client_ca` (may be
 * NULL) makes a client certificate signed by it mandatory; `version` is NULL
 * for 1.2 and 1.3, or the only one of "1.2" and "1.3".  Ends the program when
 * a file cannot be used.
 */
SSL_CTX *transport_tls(const char *cert, const char *key, const char *client_ca,
    const char *version);

/*
 * Takes `fd` over and, with `tls`, shakes hands.  NULL, and `fd` closed, when
 * that fails.
 */
struct transport *transport_accept(int fd, SSL_CTX *tls);

/* How long one read or write may wait. */
void transport_set_timeout_ms(struct transport *transport, int ms);

/* At most `len` bytes; 0 at the end, -1 when broken or timed out. */
ssize_t transport_read(struct transport *transport, void *data, size_t len);

/* All of `len` bytes, or -1. */
int transport_write(struct transport *transport, const void *data, size_t len);

/* Has the peer already closed or reset its side? */
bool transport_peer_has_left(struct transport *transport);

/* Close with a TCP reset: what was written and not yet read may be lost. */
void transport_reset(struct transport *transport);

/* Close politely.  NULL is legal. */
void transport_close(struct transport *transport);

#endif
