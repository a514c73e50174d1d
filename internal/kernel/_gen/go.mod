module github.com/qwenvl/qwenvl/internal/kernel/_gen

go 1.26.0
