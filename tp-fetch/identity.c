/* Credentials from files to an SSL_CTX, with an answer to "what is wrong". */
#include "tp-fetch/identity.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"
#include "tp-fetch/identity_text.h"

enum { MAX_FILE_BYTES = 1024 * 1024, WHY_BYTES = 512 };

/* The parts of an identity; each may be NULL. */
struct parts {
	EVP_PKEY *key;
	X509 *certificate;
	STACK_OF(X509) * authorities;
};

/* Where `parts` come from, and where to say what is wrong with them. */
struct source {
	const char *name;
	char *why;
};

static struct source
source_of(const char *name, char why[WHY_BYTES])
{
	struct source source = { .name = name };

	source.why = why;
	return source;
}

/* Always -1. */
static int __attribute__((format(printf, 2, 3)))
refuse(const struct source *source, const char *format, ...)
{
	va_list arguments;
	int n = snprintf(source->why, WHY_BYTES, "%.200s: ", source->name);

	va_start(arguments, format);
	vsnprintf(source->why + n, WHY_BYTES - (size_t)n, format, arguments);
	va_end(arguments);
	return -1;
}

/* --- PEM blocks ---------------------------------------------------------- */

struct block {
	char *label;
	char *header;
	unsigned char *der;
	long len_bytes;
};

/* The next block of `bio`, whatever it is; 0 at the end. */
static int
block_read(BIO *bio, struct block *block)
{
	*block = (struct block){ 0 };
	return PEM_read_bio(bio, &block->label, &block->header, &block->der,
	    &block->len_bytes);
}

static void
block_free(struct block *block)
{
	OPENSSL_free(block->label);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(block->der, (size_t)block->len_bytes);
}

static BIO *
bio_over(const struct buffer *text)
{
	BIO *bio = BIO_new_mem_buf(text->len_bytes > 0 ? text->data : "",
	    text->len_bytes < INT_MAX ? (int)text->len_bytes : 0);

	if (bio == NULL)
		die(EXIT_OS, "out of memory");
	return bio;
}

/* PKCS#8, PKCS#1 or SEC1, whichever it turns out to be. */
static EVP_PKEY *
key_from_der(const unsigned char *der, long len_bytes)
{
	static const int types[] = { EVP_PKEY_RSA, EVP_PKEY_EC };
	const unsigned char *next = der;
	PKCS8_PRIV_KEY_INFO *pkcs8 =
	    d2i_PKCS8_PRIV_KEY_INFO(NULL, &next, len_bytes);
	EVP_PKEY *key = NULL;

	if (pkcs8 != NULL)
		key = EVP_PKCS82PKEY(pkcs8);
	PKCS8_PRIV_KEY_INFO_free(pkcs8);
	for (size_t i = 0; key == NULL && i < 2; i++) {
		next = der;
		key = d2i_PrivateKey(types[i], NULL, &next, len_bytes);
	}
	return key;
}

static int
take_key_block(const struct source *source, const struct block *block,
    struct parts *parts)
{
	if (strstr(block->header, "ENCRYPTED") != NULL ||
	    strstr(block->label, "ENCRYPTED") != NULL)
		return refuse(source,
		    "the private key is encrypted; a key without a passphrase"
		    " is needed");
	parts->key = key_from_der(block->der, block->len_bytes);
	if (parts->key != NULL)
		return 0;
	if (strstr(block->label, "OPENSSH") != NULL)
		return refuse(source,
		    "the private key is in OpenSSH's own format, which is not"
		    " supported; PEM is (PKCS#8, PKCS#1 or SEC1)");
	if (strstr(block->label, "CERTIFICATE") != NULL)
		return refuse(source,
		    "holds a certificate where the private key is expected");
	return refuse(source, "the private key cannot be read");
}

static int
take_key(const struct source *source, const struct buffer *text,
    struct parts *parts)
{
	BIO *bio = bio_over(text);
	struct block block;
	int is_found;
	int result;

	/* openssl ecparam writes these in front of the key */
	while ((is_found = block_read(bio, &block)) &&
	       strcmp(block.label, "EC PARAMETERS") == 0)
		block_free(&block);
	if (is_found) {
		result = take_key_block(source, &block, parts);
		block_free(&block);
	} else {
		result = refuse(source, "no private key in it (PEM)");
	}
	BIO_free(bio);
	return result;
}

static X509 *
certificate_from_block(const struct source *source, const struct block *block)
{
	const unsigned char *next = block->der;
	X509 *certificate = d2i_X509(NULL, &next, block->len_bytes);

	if (certificate == NULL && strstr(block->label, "PRIVATE KEY") != NULL)
		refuse(source,
		    "holds a private key where a certificate is expected");
	else if (certificate == NULL)
		refuse(source, "a certificate cannot be read");
	return certificate;
}

/* The first; any others are not for us to send. */
static int
take_certificate(const struct source *source, const struct buffer *text,
    struct parts *parts)
{
	BIO *bio = bio_over(text);
	struct block block;

	if (block_read(bio, &block)) {
		parts->certificate = certificate_from_block(source, &block);
		block_free(&block);
	} else {
		refuse(source, "no certificate in it (PEM)");
	}
	BIO_free(bio);
	return parts->certificate != NULL ? 0 : -1;
}

static int
take_authorities(const struct source *source, const struct buffer *text,
    struct parts *parts)
{
	BIO *bio = bio_over(text);
	struct block block;
	int result = 0;

	parts->authorities = sk_X509_new_null();
	while (result == 0 && block_read(bio, &block)) {
		X509 *authority = certificate_from_block(source, &block);
		block_free(&block);
		if (authority == NULL)
			result = -1;
		else if (!sk_X509_push(parts->authorities, authority))
			die(EXIT_OS, "out of memory");
	}
	/* a damaged block would else end the list unnoticed */
	if (result == 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		result = refuse(source, "a CA certificate is not PEM");
	if (result == 0 && sk_X509_num(parts->authorities) == 0)
		result = refuse(source, "no CA certificate in it");
	BIO_free(bio);
	return result;
}

static void
parts_free(struct parts *parts)
{
	EVP_PKEY_free(parts->key);
	X509_free(parts->certificate);
	sk_X509_pop_free(parts->authorities, X509_free);
}

/* --- checks, and the SSL_CTX --------------------------------------------- */

static int64_t
expiry_of(X509 *certificate)
{
	struct tm time;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time))
		return INT64_MAX; /* the server will judge */
	return (int64_t)timegm(&time);
}

/* A subject attribute; left "" when it is missing, too long or binary. */
static void
copy_attribute(X509 *certificate, const char *oid, char text[256])
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	int at = X509_NAME_get_index_by_OBJ(subject, object, -1);
	unsigned char *utf8 = NULL;

	ASN1_OBJECT_free(object);
	text[0] = '\0';
	if (at < 0)
		return;
	int n = ASN1_STRING_to_UTF8(&utf8,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (n > 0 && n < 256 && memchr(utf8, 0, (size_t)n) == NULL) {
		memcpy(text, utf8, (size_t)n);
		text[n] = '\0';
	}
	OPENSSL_free(utf8);
}

/* "ca md too weak" and the like: the latest of OpenSSL's complaints. */
static const char *
openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason != NULL ? reason : "no reason given";
}

static int
trust(SSL_CTX *context, STACK_OF(X509) * authorities)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);

	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	for (int i = 0; i < sk_X509_num(authorities); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(authorities, i)))
			return 0;
	return 1;
}

static SSL_CTX *
context_new(const struct source *source, const struct parts *parts)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		die(EXIT_OS, "out of memory");
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* else OpenSSL adds what CAs it finds among the trusted ones */
	SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
	if (SSL_CTX_use_certificate(context, parts->certificate) == 1 &&
	    SSL_CTX_use_PrivateKey(context, parts->key) == 1 &&
	    trust(context, parts->authorities))
		return context;
	refuse(source, "not usable: %s", openssl_reason());
	SSL_CTX_free(context);
	return NULL;
}

static struct identity *
identity_from_parts(const struct source *source, const struct parts *parts)
{
	int64_t not_after = expiry_of(parts->certificate);
	SSL_CTX *context;

	if (X509_check_private_key(parts->certificate, parts->key) != 1) {
		refuse(source, "the private key does not belong to the"
			       " certificate");
		return NULL;
	}
	if ((context = context_new(source, parts)) == NULL)
		return NULL;
	struct identity *identity = calloc(1, sizeof(*identity));
	if (identity == NULL)
		die(EXIT_OS, "out of memory");
	identity->context = context;
	identity->not_after = not_after;
	copy_attribute(parts->certificate, "1.3.9999.1.7", identity->cluster);
	copy_attribute(parts->certificate, "2.5.4.3", identity->user);
	return identity;
}

/* --- files --------------------------------------------------------------- */

struct identity *
identity_parse(const char *name, const void *bytes, size_t len_bytes,
    char why[512])
{
	const struct source source = source_of(name, why);
	struct identity_text text;
	struct parts parts = { 0 };
	struct identity *identity = NULL;
	const char *problem = identity_text_split(bytes, len_bytes, &text);

	if (problem != NULL)
		refuse(&source, "%s", problem);
	else if (text.key.len_bytes == 0)
		refuse(&source, "%s",
		    len_bytes == 0 ? "is empty" : "no PEM block in it");
	else if (take_key(&source, &text.key, &parts) == 0 &&
		 take_certificate(&source, &text.certificate, &parts) == 0 &&
		 take_authorities(&source, &text.authorities, &parts) == 0)
		identity = identity_from_parts(&source, &parts);
	parts_free(&parts);
	identity_text_free(&text);
	ERR_clear_error();
	return identity;
}

/* Room is made first: growing would leave copies of a key behind. */
static int
read_secret(const struct source *source, struct buffer *text)
{
	buffer_reserve(text, (size_t)2 * MAX_FILE_BYTES);
	if (io_read_file(source->name, MAX_FILE_BYTES, text) == -1)
		return refuse(source, "%s", strerror(errno));
	if (text->len_bytes == 0)
		return refuse(source, "is empty");
	return 0;
}

static void
free_secret(struct buffer *text)
{
	OPENSSL_cleanse(text->data, text->len_bytes);
	buffer_free(text);
}

static int
take_file(const char *path, const struct source *main_source,
    int (*take)(const struct source *, const struct buffer *, struct parts *),
    struct parts *parts)
{
	struct source source = *main_source;
	struct buffer text = { 0 };

	source.name = path;
	int result = read_secret(&source, &text);

	if (result == 0)
		result = take(&source, &text, parts);
	free_secret(&text);
	return result;
}

/* What concerns all three is said of the certificate. */
static struct identity *
load_three(const struct source *source, const struct identity_files *files)
{
	struct parts parts = { 0 };
	struct identity *identity = NULL;

	if (take_file(files->key, source, take_key, &parts) == 0 &&
	    take_file(files->certificate, source, take_certificate, &parts) ==
		0 &&
	    take_file(files->ca, source, take_authorities, &parts) == 0)
		identity = identity_from_parts(source, &parts);
	parts_free(&parts);
	ERR_clear_error();
	return identity;
}

struct identity *
identity_load(const struct identity_files *files, char why[512])
{
	int is_one = files->identity != NULL;
	const struct source source = { is_one ? files->identity
					      : files->certificate,
		why };
	struct buffer text = { 0 };
	struct identity *identity = NULL;

	if (!is_one)
		return load_three(&source, files);
	if (read_secret(&source, &text) == 0)
		identity =
		    identity_parse(source.name, text.data, text.len_bytes, why);
	free_secret(&text);
	return identity;
}

void
identity_free(struct identity *identity)
{
	if (identity == NULL)
		return;
	SSL_CTX_free(identity->context);
	free(identity);
}

int
identity_may_be_of(const struct identity *identity, const char *cluster)
{
	return *identity->cluster == '\0' || *cluster == '\0' ||
	       strcmp(identity->cluster, cluster) == 0;
}

/* --- has it changed? ----------------------------------------------------- */

/* FNV-1a. */
static uint64_t
mix(uint64_t hash, uint64_t number)
{
	for (int i = 0; i < 8; i++, number >>= 8)
		hash = (hash ^ (number & 0xff)) * 0x100000001b3;
	return hash;
}

static uint64_t
mix_file(uint64_t hash, const char *path)
{
	struct stat status;

	if (path == NULL || stat(path, &status) == -1)
		return mix(hash, 0);
	hash = mix(hash, (uint64_t)status.st_mtim.tv_sec);
	hash = mix(hash, (uint64_t)status.st_mtim.tv_nsec);
	hash = mix(hash, (uint64_t)status.st_ino);
	return mix(hash, (uint64_t)status.st_size);
}

int
identity_has_changed(const struct identity_files *files,
    struct identity_stamp *stamp)
{
	uint64_t hash = 0xcbf29ce484222325;

	hash = mix_file(hash, files->identity);
	hash = mix_file(hash, files->ca);
	hash = mix_file(hash, files->certificate);
	hash = mix_file(hash, files->key) | 1; /* 0 is "never looked" */
	int has_changed = hash != stamp->value;
	stamp->value = hash;
	return has_changed;
}
