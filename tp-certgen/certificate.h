/*
 * Keys and X.509 certificates, from nothing to PEM.
 *
 * One authority (CA:TRUE, pathlen 0) that signs two kinds of leaf.  Serials are
 * random and 128 bits long, signatures SHA-256, and validity begins an hour
 * ago, for clocks that run late.  Functions that fail return NULL or -1, with
 * the reason in OpenSSL's error queue (certificate_error()).
 */
#ifndef TP_CERTGEN_CERTIFICATE_H
#define TP_CERTGEN_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "lib/buffer.h"

/* rsa_bits 0: an EC key on P-256. */
EVP_PKEY *key_make(unsigned rsa_bits);

/*
 * Appends the key in PKCS#8 PEM, encrypted (PBES2, AES-256-CBC) where there is
 * a passphrase; `passphrase` may be NULL.
 */
int
key_to_pem(EVP_PKEY *key, const struct buffer *passphrase, struct buffer *pem);

/* Signed by `key` itself, valid for `ttl_s` seconds from now. */
X509 *certificate_make_authority(EVP_PKEY *key, int64_t ttl_s);

enum certificate_role { CERTIFICATE_SERVER, CERTIFICATE_CLIENT };

/*
 * For `key`, signed by the authority; it ends when the authority does.
 * `alt_names` is a subjectAltName in OpenSSL's words.
 */
X509 *certificate_issue(X509 *authority, EVP_PKEY *authority_key, EVP_PKEY *key,
    enum certificate_role role, const char *alt_names);

int certificate_to_pem(X509 *certificate, struct buffer *pem);

/* The last failure in words; valid until the next call. */
const char *certificate_error(void);

#endif
