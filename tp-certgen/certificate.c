/* Keys and X.509 certificates, from nothing to PEM. */
#include "tp-certgen/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { SERIAL_BITS = 128, CLOCK_SKEW_S = 3600, DAY_S = 86400 };

struct extension {
	int nid;
	const char *value;
};

EVP_PKEY *
key_make(unsigned rsa_bits)
{
	return rsa_bits ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256");
}

static int
append_bio(BIO *bio, struct buffer *pem)
{
	char *bytes;
	long len_bytes = BIO_get_mem_data(bio, &bytes);

	if (len_bytes <= 0)
		return -1;
	buffer_append(pem, bytes, (size_t)len_bytes);
	return 0;
}

int
key_to_pem(EVP_PKEY *key, const struct buffer *passphrase, struct buffer *pem)
{
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
	const char *secret = passphrase ? passphrase->data : NULL;
	int len_bytes = passphrase ? (int)passphrase->len_bytes : 0;
	/* Secure memory is wiped when freed. */
	BIO *bio = BIO_new(BIO_s_secmem());
	int result = -1;

	if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, cipher,
			       secret, len_bytes, NULL, NULL) == 1)
		result = append_bio(bio, pem);
	BIO_free(bio);
	return result;
}

int
certificate_to_pem(X509 *certificate, struct buffer *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int result = -1;

	if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1)
		result = append_bio(bio, pem);
	BIO_free(bio);
	return result;
}

/* The top bit is set, so a serial is never zero nor short. */
static int
set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	int ok =
	    number != NULL &&
	    BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return ok ? 0 : -1;
}

static int
add_extensions(X509 *certificate, X509 *issuer, const struct extension *list)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	for (; list->nid != NID_undef; list++) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf_nid(NULL, &context, list->nid, list->value);
		int ok = extension != NULL &&
			 X509_add_ext(certificate, extension, -1);
		X509_EXTENSION_free(extension);
		if (!ok)
			return -1;
	}
	return 0;
}

/* Version 3, a serial, the subject's name and key, valid from an hour ago. */
static X509 *
start_certificate(const char *common_name, EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	if (certificate != NULL &&
	    X509_set_version(certificate, X509_VERSION_3) &&
	    set_serial(certificate) == 0 &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SKEW_S) !=
		NULL &&
	    X509_set_pubkey(certificate, key) &&
	    X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate),
		NID_commonName, MBSTRING_ASC,
		(const unsigned char *)common_name, -1, -1, 0))
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* Everything is in place but extensions and signature. */
static X509 *
finish_certificate(X509 *certificate, X509 *issuer, EVP_PKEY *issuer_key,
    const struct extension *extensions)
{
	if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
	    add_extensions(certificate, issuer, extensions) == 0 &&
	    X509_sign(certificate, issuer_key, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

X509 *
certificate_make_authority(EVP_PKEY *key, int64_t ttl_s)
{
	static const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		/* Reads the line above, so it comes after it. */
		{ NID_authority_key_identifier, "keyid:always" },
		{ NID_undef, NULL },
	};
	X509 *certificate = start_certificate("teleport-splunk-pipe CA", key);

	if (certificate == NULL)
		return NULL;
	if (!X509_time_adj_ex(X509_getm_notAfter(certificate),
		(int)(ttl_s / DAY_S), (long)(ttl_s % DAY_S), NULL)) {
		X509_free(certificate);
		return NULL;
	}
	return finish_certificate(certificate, certificate, key, extensions);
}

X509 *
certificate_issue(X509 *authority, EVP_PKEY *authority_key, EVP_PKEY *key,
    enum certificate_role role, const char *alt_names)
{
	int is_server = role == CERTIFICATE_SERVER;
	const struct extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, is_server ? "serverAuth" : "clientAuth" },
		{ NID_subject_alt_name, alt_names },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ NID_undef, NULL },
	};
	X509 *certificate =
	    start_certificate(is_server ? "HEC server" : "tp-hec client", key);

	if (certificate == NULL)
		return NULL;
	if (!X509_set1_notAfter(certificate, X509_get0_notAfter(authority))) {
		X509_free(certificate);
		return NULL;
	}
	return finish_certificate(certificate, authority, authority_key,
	    extensions);
}

const char *
certificate_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unknown failure of OpenSSL";
}
