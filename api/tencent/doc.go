// Package tencent is the dialect of Tencent Cloud Chat's REST API, version 4: profiles
// and the accounts that have them. It sits below /v4/.
package tencent
