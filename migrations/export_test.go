package migrations

const ImpatientSQL = impatientSQL

var HeldUp = heldUp
