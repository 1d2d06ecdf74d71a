package linkpage

import "golang.org/x/text/language"

// speech is what is said in one language.
type speech struct {
	tag  language.Tag
	rtl  bool
	says [reasons]saying
}

type saying struct{ title, text string }

func (s *speech) dir() string {
	if s.rtl {
		return "rtl"
	}
	return "ltr"
}

// languages are those that we speak. Who speaks none of them gets the first.
var languages = []speech{
	{tag: language.English, says: [reasons]saying{
		Gone:        {"This link is no longer in use", "The business has replaced or removed it. Please ask the business for its current link or QR code."},
		Unknown:     {"There is no such link", "Please check that the address is complete, or ask the business for its current link or QR code."},
		Unavailable: {"This link cannot be opened right now", "The service cannot answer at the moment. Please try again in a minute."},
	}},
	{tag: language.Portuguese, says: [reasons]saying{
		Gone:        {"Este link não está mais em uso", "A empresa o substituiu ou removeu. Peça à empresa o link ou o código QR atual."},
		Unknown:     {"Este link não existe", "Confira se o endereço está completo ou peça à empresa o link ou o código QR atual."},
		Unavailable: {"Não foi possível abrir este link", "O serviço não consegue responder agora. Tente novamente em um minuto."},
	}},
	{tag: language.Spanish, says: [reasons]saying{
		Gone:        {"Este enlace ya no está en uso", "La empresa lo reemplazó o lo eliminó. Pida a la empresa su enlace o código QR actual."},
		Unknown:     {"Este enlace no existe", "Compruebe que la dirección esté completa o pida a la empresa su enlace o código QR actual."},
		Unavailable: {"No se puede abrir este enlace ahora", "Por ahora el servicio no puede responder. Vuelva a intentarlo en un minuto."},
	}},
	{tag: language.Indonesian, says: [reasons]saying{
		Gone:        {"Tautan ini sudah tidak digunakan", "Pihak bisnis telah mengganti atau menghapusnya. Silakan minta tautan atau kode QR terbaru kepada bisnis tersebut."},
		Unknown:     {"Tautan ini tidak ditemukan", "Pastikan alamatnya lengkap, atau minta tautan atau kode QR terbaru kepada bisnis tersebut."},
		Unavailable: {"Tautan ini tidak dapat dibuka saat ini", "Layanan sedang tidak dapat merespons. Silakan coba lagi dalam satu menit."},
	}},
	{tag: language.SimplifiedChinese, says: [reasons]saying{
		Gone:        {"此链接已停用", "商家已更换或删除此链接。请向商家索取最新的链接或二维码。"},
		Unknown:     {"此链接不存在", "请检查网址是否完整，或向商家索取最新的链接或二维码。"},
		Unavailable: {"暂时无法打开此链接", "服务暂时无法响应。请一分钟后重试。"},
	}},
	{tag: language.TraditionalChinese, says: [reasons]saying{
		Gone:        {"此連結已停用", "商家已更換或刪除此連結。請向商家索取最新的連結或 QR 碼。"},
		Unknown:     {"此連結不存在", "請檢查網址是否完整，或向商家索取最新的連結或 QR 碼。"},
		Unavailable: {"暫時無法開啟此連結", "服務暫時無法回應。請於一分鐘後再試。"},
	}},
	{tag: language.Hebrew, rtl: true, says: [reasons]saying{
		Gone:        {"הקישור הזה כבר אינו בשימוש", "בית העסק החליף או הסיר אותו. אפשר לבקש מבית העסק את הקישור או את קוד ה-QR העדכני."},
		Unknown:     {"הקישור הזה אינו קיים", "כדאי לבדוק שהכתובת מלאה, או לבקש מבית העסק את הקישור או את קוד ה-QR העדכני."},
		Unavailable: {"אי אפשר לפתוח את הקישור הזה כרגע", "השירות אינו יכול להשיב ברגע זה. אפשר לנסות שוב בעוד דקה."},
	}},
	{tag: language.Korean, says: [reasons]saying{
		Gone:        {"더 이상 사용되지 않는 링크입니다", "업체에서 링크를 변경하거나 삭제했습니다. 업체에 현재 링크나 QR 코드를 문의해 주세요."},
		Unknown:     {"존재하지 않는 링크입니다", "주소가 빠짐없이 입력되었는지 확인하거나, 업체에 현재 링크나 QR 코드를 문의해 주세요."},
		Unavailable: {"지금은 이 링크를 열 수 없습니다", "서비스가 일시적으로 응답하지 못하고 있습니다. 1분 후에 다시 시도해 주세요."},
	}},
}
