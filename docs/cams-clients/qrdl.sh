#!/usr/bin/env bash
# Calls one operation on message QR codes, signed as Alibaba Cloud's V3 asks
# (ACS3-HMAC-SHA256), and prints the answer:
#
#   export CAMS_URL=http://127.0.0.1:8080
#   export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
#   qrdl.sh CreatePhoneMessageQrdl PhoneNumber=… GenerateQrImage=PNG PrefilledMessage='Hi!'
#   qrdl.sh UpdatePhoneMessageQrdl PhoneNumber=… QrdlCode=… GenerateQrImage=SVG PrefilledMessage='Hello!'
#   qrdl.sh ListPhoneMessageQrdl PhoneNumber=…
#   qrdl.sh DeletePhoneMessageQrdl PhoneNumber=… QrdlCode=…
#
# It needs bash, curl 7.76, openssl, od, tr and date. It ends with 22 where the answer
# is an error.
set -euo pipefail
export LC_ALL=C # a character is a byte

# usage says what is wrong with the command line, and how one looks.
usage() {
	printf '%s: %s\nusage: %s OPERATION [KEY=VALUE ...]\n' "${0##*/}" "$1" "${0##*/}" >&2
	exit 2
}

action=${1:-}
case $action in
CreatePhoneMessageQrdl | UpdatePhoneMessageQrdl | ListPhoneMessageQrdl | DeletePhoneMessageQrdl) shift ;;
*) usage 'OPERATION is CreatePhoneMessageQrdl, UpdatePhoneMessageQrdl, ListPhoneMessageQrdl or DeletePhoneMessageQrdl' ;;
esac
for name in CAMS_URL ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET; do
	[[ -n ${!name:-} ]] || usage "set $name: CAMS_URL is where the daemon is, the key is what switchhook tenant add has shown"
done
url=${CAMS_URL%/}
host=${url#*://}
[[ $host != */* ]] || usage 'CAMS_URL has a path: give the root of the daemon, such as http://127.0.0.1:8080'

# The secret reaches no other program, neither by argument, which everybody on the
# machine can read, nor by environment: openssl takes an HMAC's key as an argument, so
# the HMAC is made of plain digests here, and what goes into those is piped.
secret=$ALIBABA_CLOUD_ACCESS_KEY_SECRET
unset ALIBABA_CLOUD_ACCESS_KEY_SECRET

# hex is its input in hexadecimal.
hex() { od -An -v -tx1 | tr -d ' \n'; }

# bytes is the inverse of hex, of an argument.
bytes() {
	local i out=''
	for ((i = 0; i < ${#1}; i += 2)); do out+="\\x${1:i:2}"; done
	printf %b "$out"
}

# sha256 is the digest of its input, in hexadecimal.
sha256() { openssl dgst -sha256 -binary | hex; }

# hmac is the HMAC-SHA256 of its input under the secret, in hexadecimal (RFC 2104).
hmac() {
	local key inner='' outer='' byte i a b
	key=$(printf %s "$secret" | hex)
	((${#key} <= 128)) || key=$(printf %s "$secret" | sha256)
	for ((i = 0; i < 128; i += 2)); do
		byte=${key:i:2} # none behind the key's end, which counts as zero
		printf -v a %02x $((0x${byte:-0} ^ 0x36))
		printf -v b %02x $((0x${byte:-0} ^ 0x5c))
		inner+=$a outer+=$b
	done
	bytes "$outer$({ bytes "$inner" && cat; } | sha256)" | sha256
}

# encode is its argument, percent-encoded as RFC 3986 says.
encode() {
	local rest out='' byte
	rest=$(printf %s "$1" | hex | tr a-f A-F)
	while [[ -n $rest ]]; do
		byte=${rest:0:2} rest=${rest:2}
		case $byte in
		2D | 2E | 3[0-9] | 4[1-9A-F] | 5[0-9A] | 5F | 6[1-9A-F] | 7[0-9A] | 7E) out+="\\x$byte" ;;
		*) out+="%%$byte" ;;
		esac
	done
	# shellcheck disable=SC2059 # it was made to be one
	printf "$out"
}

body=''
for pair in "$@"; do
	[[ $pair == ?*=* ]] || usage "an argument is not KEY=VALUE: quote a VALUE that has spaces, as PrefilledMessage='Hello there'"
	body+="${body:+&}$(encode "${pair%%=*}")=$(encode "${pair#*=}")"
done

type=application/x-www-form-urlencoded
date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=$(openssl rand -hex 16)
hash=$(printf %s "$body" | sha256)
names='content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version'
headers="content-type:$type
host:$host
x-acs-action:$action
x-acs-content-sha256:$hash
x-acs-date:$date
x-acs-signature-nonce:$nonce
x-acs-version:2020-06-06
"
request=$(printf 'POST\n/\n\n%s\n%s\n%s' "$headers" "$names" "$hash" | sha256)
signature=$(printf 'ACS3-HMAC-SHA256\n%s' "$request" | hmac)

# What is sent is not an argument either: it holds a phone number.
printf %s "$body" | curl --silent --show-error --fail-with-body --write-out '\n' --data-binary @- --header @<(
	printf %s "$headers"
	printf 'Authorization: ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s\n' \
		"$ALIBABA_CLOUD_ACCESS_KEY_ID" "$names" "$signature"
) "$url/"
