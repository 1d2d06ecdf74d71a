// Package receivers is a folder of examples: complete receivers of PostBacks in
// several languages, without packages of others. docs/postbacks.md explains what
// they do. The test of this package runs each of them, where there is an interpreter,
// as a process of its own, and sends it what package webhook sends.
package receivers
