/* Token, CA, certificate and key, from files. */
#include "tp-hec/credentials.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"

enum {
	SECRET_FILE_BYTES = 16 * 1024,
	SHORTEST_SECRET_BYTES = 8,
	WHY_BYTES = 512
};

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The one word in `text`, copied; -1 when there is none, or more than one. */
static int
take_word(const char *text, size_t len_bytes, char *word, size_t most_bytes)
{
	while (len_bytes > 0 && is_blank(text[len_bytes - 1]))
		len_bytes--;
	while (len_bytes > 0 && is_blank(*text))
		text++, len_bytes--;
	if (len_bytes == 0 || len_bytes > most_bytes)
		return -1;
	for (size_t i = 0; i < len_bytes; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return -1;
	memcpy(word, text, len_bytes);
	word[len_bytes] = '\0';
	return 0;
}

static int
read_token(const char *path, char *token, char why[WHY_BYTES])
{
	struct buffer file = { 0 };
	int result = io_read_file(path, SECRET_FILE_BYTES, &file);

	if (result == -1)
		snprintf(why, WHY_BYTES, "%s: %s", path, strerror(errno));
	else if ((result = take_word(file.data, file.len_bytes, token,
		      CREDENTIALS_TOKEN_BYTES)) == -1)
		snprintf(why, WHY_BYTES,
		    file.len_bytes == 0
			? "%s: the file is empty, it should hold the token"
			: "%s: should hold the token, one word, and nothing else",
		    path);
	if (file.data != NULL)
		OPENSSL_cleanse(file.data, file.capacity_bytes);
	buffer_free(&file);
	return result;
}

/* The first line, with its blanks. */
static int
read_pass(const char *path, char *pass, char why[WHY_BYTES])
{
	struct buffer file = { 0 };
	int result = io_read_file(path, CREDENTIALS_PASS_BYTES, &file);

	if (result == -1) {
		snprintf(why, WHY_BYTES, "%s: %s", path, strerror(errno));
	} else {
		size_t len_bytes = strcspn(buffer_text(&file), "\r\n");
		memcpy(pass, file.data, len_bytes);
		pass[len_bytes] = '\0';
	}
	if (file.data != NULL)
		OPENSSL_cleanse(file.data, file.capacity_bytes);
	buffer_free(&file);
	return result;
}

static int
read_secrets(struct credentials *c, char why[WHY_BYTES])
{
	if (c->token_file != NULL && read_token(c->token_file, c->token, why))
		return -1;
	if (c->pass_file != NULL && read_pass(c->pass_file, c->pass, why))
		return -1;
	return 0;
}

static int
give_pass(char *to, int most_bytes, int is_writing, void *cookie)
{
	const struct credentials *c = cookie;
	size_t len_bytes = strlen(c->pass);

	(void)is_writing;
	if (len_bytes > (size_t)most_bytes)
		return -1;
	memcpy(to, c->pass, len_bytes);
	return (int)len_bytes;
}

static void
explain(const char *path, const char *what, char why[WHY_BYTES])
{
	unsigned long error = ERR_peek_error(); /* the cause; those behind it
						   only say which call failed */
	const char *reason = ERR_SYSTEM_ERROR(error)
				 ? strerror(ERR_GET_REASON(error))
				 : ERR_reason_error_string(error);

	snprintf(why, WHY_BYTES, "%s: %s: %s", path, what,
	    reason ? reason : "not usable");
	ERR_clear_error();
}

static void
warn_when_expired(const char *path, SSL_CTX *context)
{
	const X509 *certificate = SSL_CTX_get0_certificate(context);

	if (certificate != NULL &&
	    X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		message("%s: the client certificate has expired; a receiver "
			"that asks for one will refuse it",
		    path);
}

/* Tries the TLS files as libcurl will. */
static int
check_tls_files(struct credentials *c, SSL_CTX *context, char why[WHY_BYTES])
{
	const char *key = c->key_file ? c->key_file : c->certificate_file;

	SSL_CTX_set_default_passwd_cb(context, give_pass);
	SSL_CTX_set_default_passwd_cb_userdata(context, c);
	if (c->ca_file != NULL &&
	    SSL_CTX_load_verify_file(context, c->ca_file) != 1) {
		explain(c->ca_file, "no CA certificate", why);
		return -1;
	}
	if (c->certificate_file == NULL)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, c->certificate_file) !=
	    1) {
		explain(c->certificate_file, "no certificate", why);
		return -1;
	}
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
		explain(key,
		    "no private key for the certificate "
		    "(see --key-pass-file)",
		    why);
		return -1;
	}
	return 0;
}

static void
warn_when_open(const char *path)
{
	struct stat file;

	if (stat(path, &file) == 0 && S_ISREG(file.st_mode) &&
	    (file.st_mode & (S_IRGRP | S_IROTH)) != 0)
		message("%s: others can read the token (mode %03o); chmod 600",
		    path, (unsigned)file.st_mode & 0777);
}

void
credentials_load(struct credentials *c)
{
	char why[WHY_BYTES];
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		die(EXIT_OS, "out of memory");
	if (read_secrets(c, why) != 0 || check_tls_files(c, context, why) != 0)
		die(EXIT_CONFIG, "%s", why);
	if (c->token_file != NULL)
		warn_when_open(c->token_file);
	if (c->certificate_file != NULL)
		warn_when_expired(c->certificate_file, context);
	SSL_CTX_free(context);
}

void
credentials_reload(struct credentials *c)
{
	char why[WHY_BYTES];
	struct credentials fresh = *c;

	if (read_secrets(&fresh, why) == 0)
		*c = fresh;
	else
		message_verbose("%s; going on with what was read before", why);
	credentials_wipe(&fresh);
}

void
credentials_mask(const struct credentials *c, char *text, size_t len_bytes)
{
	size_t token_bytes = strlen(c->token);

	if (token_bytes < SHORTEST_SECRET_BYTES || len_bytes == 0)
		return;
	const char *end = text + len_bytes;
	while ((text = memmem(text, (size_t)(end - text), c->token,
		    token_bytes)) != NULL) {
		memset(text, '*', token_bytes);
		text += token_bytes;
	}
}

void
credentials_mask_text(const struct credentials *c, char *text)
{
	credentials_mask(c, text, strlen(text));
}

void
credentials_wipe(struct credentials *c)
{
	OPENSSL_cleanse(c->token, sizeof(c->token));
	OPENSSL_cleanse(c->pass, sizeof(c->pass));
}
