package web

// ActionOf is what a route is called that is no operation.
var ActionOf = actionOf
