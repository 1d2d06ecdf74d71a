// Package cams is the dialect of Alibaba Cloud's CAMS, version 2020-06-06: the four
// operations on message QR codes. It sits at the root of the listener.
package cams
