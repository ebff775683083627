/*
 * tests/unit/common/crypto/csr_vectors.h: certificate requests by openssl req -new -nodes -keyout /dev/null, with the
 * arguments that are given above each.
 */
#ifndef TESTS_UNIT_COMMON_CRYPTO_CSR_VECTORS_H
#define TESTS_UNIT_COMMON_CRYPTO_CSR_VECTORS_H

/* clang-format off */
/* -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /
 * -addext subjectAltName=DNS:WWW.Example.com,DNS:*.example.com */
#define CSR_TWO_NAMES \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIH3MIGeAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARciDaPzlEpPKBn\n" \
	"nUVdEK4c4UmVJzZ6b5l94fDvNF5xurLROWyyYx08h+dN76B52Z64FnZfohT7IKFT\n" \
	"wnJ1gwC0oDwwOgYJKoZIhvcNAQkOMS0wKzApBgNVHREEIjAggg9XV1cuRXhhbXBs\n" \
	"ZS5jb22CDSouZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIhAJkdPukzDCoR\n" \
	"fEzWsRt7NuT51RI86B47s2S3pmEodZCTAiB0+YuD7TSNohLPsFUPUS648/la3Lgp\n" \
	"RQvOerQJS0LbqQ==\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /O=x/CN=b.example.com
 * -addext subjectAltName=DNS:a.example.com,DNS:b.example.com */
#define CSR_WITH_SUBJECT \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIIBGTCBwAIBADAkMQowCAYDVQQKDAF4MRYwFAYDVQQDDA1iLmV4YW1wbGUuY29t\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs1VU+my83/jxGbtuoMcOkEMPhqpC\n" \
	"F5GybCvTpEBlJeHkd7hhr/blmH/pN9CErY1zF4mFKWGp0su4+V6VrTa8nKA6MDgG\n" \
	"CSqGSIb3DQEJDjErMCkwJwYDVR0RBCAwHoINYS5leGFtcGxlLmNvbYINYi5leGFt\n" \
	"cGxlLmNvbTAKBggqhkjOPQQDAgNIADBFAiBqFeIFQv5viJcMzr9MeR1HAEgfm7EA\n" \
	"hVhGUsYk3K7H6QIhAKLv1r+hiL1lpshCGtAR2fH/WAEPFWb4kjVmGUIHcmRA\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey rsa:2048 -subj /
 * -addext subjectAltName=IP:192.0.2.1,DNS:example.com
 * -addext tlsfeature=status_request */
#define CSR_RSA \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIIChzCCAW8CAQAwADCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALf1\n" \
	"KkjKkGoPw4FG128HFbxTKGQ1wRsW67ZFbFU8MNU9cAedKqsM5Gr8EF1z7082+2tf\n" \
	"B335kh8p719i3gDuq9hGC/5wrB/y6bsj9TTaPRUJ1czoUWso90orGxrGlr7VqBK4\n" \
	"AR+j3+AySEi4OSqY6jVxC+fz5RQlGVgkr/LInJCfXW2SMCAMuQOIQQpXfmIO6Wh6\n" \
	"mSgqEHTviyGukrn/HkbY8zHwWM4VKp9V3jplgC6mN/z2sLE6J5cuFpNAabxrCf9H\n" \
	"FW146rmWMTT4f1xPv5JEgH/LSNdWS+AsIJWLdVbwS1wpgcHULNm40FDhX0RCvEmH\n" \
	"ZCLIBmwKEDGZ8mSG6HMCAwEAAaBCMEAGCSqGSIb3DQEJDjEzMDEwHAYDVR0RBBUw\n" \
	"E4cEwAACAYILZXhhbXBsZS5jb20wEQYIKwYBBQUHARgEBTADAgEFMA0GCSqGSIb3\n" \
	"DQEBCwUAA4IBAQBahw71imifgzowzQ7lzF7OjNFb+Cx74MM7cDsSqY819FOlbd+r\n" \
	"n7IQloIUS+jvfIuD4wtIbkfB5Von/Ph42aFGYVI5qJsJrGnBw8ippvdW1fLvdZkD\n" \
	"CoSoucgDfZG9xN9jEGfKXe12T22h48LvCIjxOTC9evT2w+JHspaXYtIX07p/sRqP\n" \
	"TSrytDdG+/y4XQJi6KQvDbh5kQZ76enGA+02T3Tt0kZzyCvAL8aGN8h/1lBa/mni\n" \
	"84QeMXsePEda9nNMNaptFziRHcUpqkCBjbLvVwAMS2sZPaof+YXdto/FI6udZnWZ\n" \
	"3U0g/H+G1ya0EG9CWNlcABVmwqv39X0E501W\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=example.com */
#define CSR_NO_NAMES \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIHQMHgCAQAwFjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggq\n" \
	"hkjOPQMBBwNCAATZCzeLHGKns7T4rIin0YiPpLSm+vMg9YT+YNGfI7XzwCizyVz/\n" \
	"XIvUQABESFRcwOtpKy6w+ZRxLO+YvYsLjnL+oAAwCgYIKoZIzj0EAwIDSAAwRQIh\n" \
	"AMPj8jmVQUBZEfApObGybso2Wt8+Bc815oD3AZ2HzuYCAiBNg+QMDxCPkbdSK9q/\n" \
	"EJNJOc2A/bwJNkDbNO3clD9khA==\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=other.example.com
 * -addext subjectAltName=DNS:example.com */
#define CSR_OTHER_SUBJECT \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIIBADCBpwIBADAcMRowGAYDVQQDDBFvdGhlci5leGFtcGxlLmNvbTBZMBMGByqG\n" \
	"SM49AgEGCCqGSM49AwEHA0IABGcIh56CKjJgUziH75D4Fm633g47TzR80P1OQXN8\n" \
	"TsSROxBadNDU/ve7vAVylYwZZL1wedp9leRNnKCUzxaadwugKTAnBgkqhkiG9w0B\n" \
	"CQ4xGjAYMBYGA1UdEQQPMA2CC2V4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUC\n" \
	"IQDjummuGsQyDGxkSmfMWKvux94gTXVCf8ZfxVNNZGYL6wIgSVuGMT9zQz4mq3GY\n" \
	"1Z9PFqr42VlqQzKFiMVNQo8JCQk=\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /
 * -addext subjectAltName=DNS:example.com,email:ops@example.com */
#define CSR_MAIL \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIH1MIGcAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARH0cQ3ET5oJo2M\n" \
	"UDxGxFKxzYR4WN68sCKAsDBHc2UKPoshS5zTB4WQIq9o2QfLbk2fT32UuP5a+0h1\n" \
	"c9NU1QvBoDowOAYJKoZIhvcNAQkOMSswKTAnBgNVHREEIDAeggtleGFtcGxlLmNv\n" \
	"bYEPb3BzQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIQCxTGmcCcUoiYsx\n" \
	"07+JQ3kLSxXai+1lGThnMUwyV2M7RwIgQFG6tx5Er1qo+soKmFCsHslrBOwu4RdD\n" \
	"9tjrHzXNuZM=\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey rsa:1024 -subj / -addext subjectAltName=DNS:example.com */
#define CSR_RSA_1024 \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIIBaDCB0gIBADAAMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC/OjTIr9D\n" \
	"53Ew94x72TvQp9ZirQw3X9C05Ed93udCKuiiYnVBYS7uPp+BY1i77NucBbZn5xvq\n" \
	"zwiSGaUDk8yQYwmJTmDCyDI7UtPW4ydqwOAOoS+cqPnw/w69HBrH3QkF/sG05iS3\n" \
	"bcUtJVcZXfM6h2bZUPMETgCWk+QubHNJzQIDAQABoCkwJwYJKoZIhvcNAQkOMRow\n" \
	"GDAWBgNVHREEDzANggtleGFtcGxlLmNvbTANBgkqhkiG9w0BAQsFAAOBgQCy61EA\n" \
	"eSzntDPMPD36HwWXzWidahej/JQWqwdYNRiu/" "w/rCPBSVWMTo+ycXDU/nHM/O/hJ\n" \
	"WMMjih0SG7UK4fi4P5LRoasaEts0v0exNOh0rRDsmJtmZl8jbSLuvo3yqA1kdMQ2\n" \
	"doN7LgvFP+PiIwqHfLs5Hqhzcs7O/1IkPrk5aA==\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* -newkey ed448 -subj / -addext subjectAltName=DNS:example.com */
#define CSR_ED448 \
	"-----BEGIN CERTIFICATE REQUEST-----\n" \
	"MIHzMHUCAQAwADBDMAUGAytlcQM6AG656CNYsVlAhUGTKmP5djmAI9o9AFyrw7RO\n" \
	"LlULA7sTVmldTye50r0HO4VHf3LYI2/ib4UEUQS7AKApMCcGCSqGSIb3DQEJDjEa\n" \
	"MBgwFgYDVR0RBA8wDYILZXhhbXBsZS5jb20wBQYDK2VxA3MAz6Kn1q8pFIy0Mws3\n" \
	"6j8BaFsuJh7mzk8kiUwwywFPfAgww+5rW34MYGfTCo9SVK7D2N3ZWLhwRVKA0sRO\n" \
	"9QtrAkJpFkuOVfnzkjjIEshDl3mj0i0BA+Cw1L4l2Zwzer9L1Ec9BjolQPE5MjZd\n" \
	"tmB7DyYA\n" \
	"-----END CERTIFICATE REQUEST-----\n"

/* clang-format on */

#endif
